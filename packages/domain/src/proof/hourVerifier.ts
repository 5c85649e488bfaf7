import { createHash } from "node:crypto";
import { parseLine, type Depth, type Fields, type Line } from "./archive.js";
import { createHourGatherer, totalText } from "./hourRoots.js";
import { isSigned, MANIFEST_GENESIS, manifestHash, proofKeyId } from "./manifest.js";
import type { Finding } from "./proofProblems.js";
import { createRecordChecker, type Heads, type Residues } from "./recordCheck.js";
import { createUsageChecker, type Standing } from "./usageCheck.js";

/** What a run over several hours of one account remembers of the earlier hours; `createRun` begins one. */
export interface Run {
  heads: Heads;
  residues: Residues;
  /** Serial numbers of records whose quantity a later one took over. */
  carries: Set<string>;
  standing: Standing;
  /** The previous manifest. */
  manifest?: { number: number; hash: string; hour: string } | undefined;
}

/** Begins a run without earlier hours. */
export function createRun(): Run {
  return {
    heads: new Map(),
    residues: new Map(),
    carries: new Set(),
    standing: { hours: new Set(), of: new Map() },
  };
}

export interface HourOptions {
  run: Run;
  /** Public keys (hex) by key id. */
  keys: ReadonlyMap<string, string>;
  /** False for lines made from a running ledger, which leave out what only a restore needs. */
  isExport: boolean;
  depth: Depth;
}

/** The result of verifying one hour. */
export interface HourVerdict {
  account: string;
  hour: string;
  number: number;
  hash: string;
  records: number;
  events: number;
  findings: Finding[];
}

/** Order of the sections of an hour; a line may not come after one of a later section. */
const SECTION: Record<Line["type"], number> = {
  event: 0,
  origin: 0,
  usage: 0,
  record: 1,
  wire: 1,
  differs: 1,
  chain: 2,
  total: 3,
  instance: 4,
  residue: 5,
  correction: 5,
  shard: 6,
  manifest: 7,
  signature: 8,
};
const MOST_FINDINGS = 1_000;
const BODY_PIECE = 1 << 16;

/** Verifies one hour, fed line by line; keeps only what roots and sums need. */
export interface HourVerifier {
  line(line: string): void;
  /** Ends the hour and returns its verdict. */
  finish(): HourVerdict;
}

/**
 * Creates the verifier of one hour.
 * @param expected the account and hour that the lines must belong to.
 */
export function createHourVerifier(
  expected: { account: string; hour: string },
  { run, keys, isExport, depth }: HourOptions,
): HourVerifier {
  const { account, hour } = expected;
  const findings: Finding[] = [];
  const report = (code: Finding["code"], where: string, wanted?: string, found?: string): void => {
    if (findings.length < MOST_FINDINGS) findings.push({ code, hour, where, expected: wanted, found });
  };
  const body = createHash("sha256");
  const gatherer = createHourGatherer();
  const withUsage = depth !== "chain";
  const usageContext = { account, hour, withEvents: depth === "events", standing: run.standing };
  const usages = createUsageChecker(usageContext, report);
  const { heads, residues, carries } = run;
  const records = createRecordChecker({ account, hour, heads, residues, carries }, report);
  const totals: string[] = [];
  let section = 0;
  let position = 0;
  let manifest: Line | undefined;
  let signature: Fields | undefined;

  /** Hashed in large pieces, because a call for each line costs more than hashing its bytes. */
  let unhashed = "";
  function hashBody(raw: string): void {
    unhashed += `${raw}\n`;
    if (unhashed.length >= BODY_PIECE) digestBody();
  }
  function digestBody(): void {
    body.update(unhashed, "latin1");
    unhashed = "";
  }

  function take(line: Line): void {
    const { type, fields, text } = line;
    if (SECTION[type] < section || signature || (type === "differs" && isExport)) {
      report("line_out_of_order", `line ${position}`);
    }
    section = Math.max(section, SECTION[type]);
    switch (type) {
      case "event":
        return usages.event(fields, text);
      case "origin":
        return usages.origin(fields);
      case "usage":
        usages.usage(fields);
        records.usage(fields);
        return gatherer.usage(text, Number(fields.events));
      case "record":
        return gatherer.record(fields, withUsage ? records.record(fields, text) : records.link(fields, text));
      case "differs":
        return report("column_differs", `${fields.sn} ${fields.column}`, undefined, fields.is);
      case "chain":
        records.chain(fields);
        return gatherer.chain(text);
      case "total":
        totals.push(text);
        return;
      case "manifest":
        if (manifest) report("line_out_of_order", `line ${position}`);
        manifest = line;
        return;
      case "signature":
        signature = fields;
        return;
      // Only for a restore; covered by the body's hash.
      case "wire":
      case "instance":
      case "residue":
      case "correction":
      case "shard":
    }
  }

  function checkManifest({ fields, text }: Line, { key_id: keyId = "", signature: sig = "" }: Fields): void {
    const roots = gatherer.roots();
    const same = (code: Finding["code"], name: string, found: string | number): void => {
      if (fields[name] !== String(found)) report(code, name, fields[name], String(found));
    };
    same("records_root", "records_root", roots.recordsRoot);
    if (withUsage) same("usage_root", "usage_root", roots.usageRoot);
    same("chains_root", "chains_root", roots.chainsRoot);
    same("totals_root", "totals_root", roots.totalsRoot);
    const counted = withUsage ? (["records", "usages", "events"] as const) : (["records"] as const);
    for (const name of counted) same("manifest_counts", name, roots[name]);
    if (isExport) {
      digestBody();
      same("body_hash", "body_sha256", body.digest("hex"));
    }
    if (fields.v !== "1") report("manifest_field", "v", "1", fields.v);
    if (fields.account !== account) report("manifest_field", "account", account, fields.account);
    if (fields.hour !== hour) report("manifest_field", "hour", hour, fields.hour);
    if (gatherer.totals().map(totalText).join() !== totals.join()) report("totals_root", "total lines");
    checkLink(fields, text);
    const key = keys.get(keyId);
    if (fields.key_id !== keyId || key === undefined || proofKeyId(key) !== keyId) {
      report("unknown_key", "key_id", fields.key_id, keyId);
    } else if (!isSigned(text, sig, key)) report("signature", "signature");
  }

  function checkLink({ number = "", prev = "", hour: own = "" }: Fields, text: string): void {
    const before =
      run.manifest ?? (number === "1" ? { number: 0, hash: MANIFEST_GENESIS, hour: "" } : undefined);
    const follows =
      !before || (String(before.number + 1) === number && before.hash === prev && before.hour < own);
    if (!follows || !/^[1-9]\d{0,15}$/.test(number) || !/^[0-9a-f]{64}$/.test(prev)) {
      report("manifest_chain", "prev", before && `${before.number + 1} ${before.hash}`, `${number} ${prev}`);
    }
    run.manifest = { number: Number(number), hash: manifestHash(text), hour: own };
  }

  return {
    line(raw) {
      position += 1;
      const line = parseLine(raw, depth);
      if (!line) report("line_not_canonical", `line ${position}`);
      if (isExport && line?.type !== "manifest" && line?.type !== "signature") hashBody(raw);
      if (line) take(line);
    },
    finish() {
      if (withUsage) records.finish();
      if (manifest && signature) checkManifest(manifest, signature);
      else {
        report("truncated", "end");
        run.manifest = undefined;
      }
      run.standing.hours.add(hour);
      const { records: count, events } = gatherer.counts();
      const { number, hash } = (manifest && signature && run.manifest) || { number: 0, hash: "" };
      return { account, hour, number, hash, records: count, events, findings };
    },
  };
}
