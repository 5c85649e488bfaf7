import {
  checkAnchors,
  createHourVerifier,
  createRun,
  formatCompact,
  formatInstant,
  HOUR,
  LINE_FIELDS,
  manifestHash,
  parseCanonical,
  parseInstant,
  type Finding,
  type HourVerdict,
} from "@quarterpast/domain";
import { createApi } from "../api.js";
import { download, linesOf } from "../download.js";
import type { Stack } from "../stack.js";
import type { FolderVerdict } from "./folder.js";

export interface Manifest {
  number: number;
  hour: string;
  canonical: string;
  hash: string;
  keyId: string;
  signature: string;
  anchors: number;
}

export interface LedgerOptions {
  from: string;
  to: string;
  /** In place of the key that the stack itself hands out. */
  keys?: ReadonlyMap<string, string> | undefined;
  /** Lines of an anchor file; without them anchors are not looked at. */
  anchors?: readonly string[] | undefined;
  withEvents: boolean;
  onHour?: (verdict: HourVerdict) => void;
}

/**
 * Verifies hours of a running ledger: everything is computed again here from its rows as they are now, and set against
 * the manifests as they were signed.
 */
export async function verifyLedger(stack: Stack, options: LedgerOptions): Promise<FolderVerdict> {
  const api = createApi(stack);
  const { account } = await api.get<{ account: string }>("/v1/stack");
  const keys = options.keys ?? (await fetchKeys(stack));
  const before = formatInstant(Math.max(0, parseInstant(options.from)! - HOUR));
  const { items } = await api.get<{ items: Manifest[] }>("/v1/manifests", { from: before, to: options.to });
  const manifests = items.filter(({ hour }) => parseInstant(hour)! >= parseInstant(options.from)!);
  const run = createRun();
  const previous = items.length > manifests.length ? items[0] : undefined;
  if (previous) run.manifest = linkOf(previous);
  const hours: HourVerdict[] = [];
  const findings: Finding[] = [];
  for (const manifest of manifests) {
    const hour = formatCompact(parseInstant(manifest.hour)!);
    const { withEvents } = options;
    const verifier = createHourVerifier({ account, hour }, { run, keys, isExport: false, withEvents });
    const path = `/v1/proofs/hours/${encodeURIComponent(manifest.hour)}`;
    for await (const lines of linesOf(download(stack, path, { events: String(withEvents) }))) {
      for (const line of lines) verifier.line(line);
    }
    const verdict = verifier.finish();
    if (verdict.hash !== manifest.hash) {
      verdict.findings.push({
        code: "manifest_chain",
        hour,
        where: "hash",
        expected: verdict.hash,
        found: manifest.hash,
      });
    }
    hours.push(verdict);
    findings.push(...verdict.findings);
    options.onHour?.(verdict);
  }
  if (options.anchors) findings.push(...checkAnchors(options.anchors, hours, false));
  return { hours, findings };
}

/** The public keys that a stack hands out, by id. */
export async function fetchKeys(stack: Stack): Promise<Map<string, string>> {
  const { items } = await createApi(stack).get<{ items: { keyId: string; publicKey: string }[] }>(
    "/v1/proof-key",
  );
  return new Map(items.map(({ keyId, publicKey }) => [keyId, publicKey]));
}

function linkOf({ canonical }: Manifest): { number: number; hash: string; hour: string } {
  const { number = "0", hour = "" } = parseCanonical(canonical, LINE_FIELDS.manifest) ?? {};
  return { number: Number(number), hash: manifestHash(canonical), hour };
}
