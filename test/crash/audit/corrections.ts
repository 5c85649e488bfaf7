import type pg from "pg";
import { text, units } from "./decimal.js";
import type { Findings } from "./findings.js";
import { show, type Sent } from "./input.js";
import type { EventRow, Instance } from "./ledger.js";

/** A correcting event that reached the ledger. */
export interface Correcting {
  identity: string;
  sent: Sent;
  row: EventRow;
  /** It is in quarantine. */
  waits: boolean;
}

/** A counted event that another one corrects. */
export interface Target {
  instance: Instance;
  sent: Pick<Sent, "subject" | "meter">;
  /** When the mistaken usage occurred. */
  originMs: number;
  /** The quantity it counts for; for a correction, the corrected quantity. */
  current: bigint;
}

/** What a counted correction adds, signed. */
export interface Difference {
  identity: string;
  target: Target;
  delta: bigint;
  bill: number;
}

/**
 * I2 for correcting events: each adds the difference to its event's quantity, each event is corrected once, and a
 * correction waits only if it cannot count. @returns what the hours must contain for them
 */
export async function auditCorrections(
  db: pg.Client,
  correcting: readonly Correcting[],
  targets: Map<string, Target | undefined>,
  findings: Findings,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const corrected = new Set<string>();
  const counted = inOrder(correcting.filter(({ row }) => row.instance !== null));
  for (const { identity, sent, row } of counted) {
    const { kind, identity: of } = sent.corrects!;
    const target = targets.get(of);
    if (!target) {
      findings.found("I2", `${show(identity)} corrects ${show(of)}, which does not count`);
      continue;
    }
    if (corrected.has(of)) {
      findings.doubled += 1;
      findings.found("I2", `${show(of)} is corrected twice`);
    }
    corrected.add(of);
    const right = kind === "cancels" ? 0n : units(sent.quantity!);
    const delta = right - target.current;
    if (
      units(row.quantity!) !== delta ||
      row.occurred !== target.originMs ||
      row.instance !== target.instance.no
    )
      findings.found("I2", `${show(identity)} counts as ${row.quantity}, due is ${text(delta)}`);
    differences.push({ identity, target, delta, bill: row.bill! });
    if (targets.has(identity)) targets.set(identity, { ...target, sent, current: right });
  }
  for (const { identity, sent, waits } of correcting.filter(({ row }) => row.instance === null)) {
    if (!waits) findings.found("I1", `${show(identity)} is neither counted nor in quarantine`);
    const { kind, identity: of } = sent.corrects!;
    const target = targets.get(of);
    if (target && !corrected.has(of) && canCorrect(target, kind, sent))
      findings.found("I2", `${show(identity)} waits although ${show(of)} counts`);
  }
  await auditList(db, counted, findings);
  return differences;
}

/** Corrections that are corrected themselves come first. */
function inOrder(correcting: readonly Correcting[]): Correcting[] {
  const byIdentity = new Map(correcting.map((one) => [one.identity, one]));
  const ordered = new Set<Correcting>();
  const take = (one: Correcting): void => {
    const before = byIdentity.get(one.sent.corrects!.identity);
    if (before && !ordered.has(before)) take(before);
    ordered.add(one);
  };
  correcting.forEach(take);
  return [...ordered];
}

function canCorrect(
  { instance, sent: of, current }: Target,
  kind: "corrects" | "cancels",
  sent: Sent,
): boolean {
  if (of.subject !== sent.subject || of.meter !== sent.meter) return false;
  // An event that already counts for nothing has nothing to take back.
  return (
    instance.aggregation === "sum" ||
    (instance.aggregation === "count" && kind === "cancels" && current !== 0n)
  );
}

/** Every counted correction is listed with its target and the time it was said, and nothing else is listed. */
async function auditList(db: pg.Client, counted: readonly Correcting[], findings: Findings): Promise<void> {
  const { rows } = await db.query<{ source: string; key: string; target: string; said: number }>(
    `SELECT s.source, x.key::text, x.target_key::text AS target, (extract(epoch FROM x.said_at) * 1000)::float8 AS said
     FROM corrections x JOIN sources s USING (source_no)`,
  );
  const listed = new Map(rows.map((row) => [`${row.source}\0${row.key}`, row]));
  for (const { identity, sent } of counted) {
    const row = listed.get(identity);
    listed.delete(identity);
    if (!row || `${row.source}\0${row.target}` !== sent.corrects!.identity || row.said !== sent.timeMs)
      findings.found("I15", `${show(identity)}: the list of corrections does not show it as it was sent`);
  }
  for (const identity of listed.keys())
    findings.found("I15", `${show(identity)} is listed and does not count`);
}
