import { execFile } from "node:child_process";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type pg from "pg";
import type { Findings } from "./findings.js";
import type { Proofs } from "./input.js";

/** I11 and I12: the exported hours verify with the auditors' script, and contain what the ledger contains. */
export async function auditProofs(
  db: pg.Client,
  { verifier, dir }: Proofs,
  findings: Findings,
): Promise<void> {
  const { stdout, code } = await runVerifier(verifier, dir);
  if (code !== 0)
    for (const line of stdout.trim().split("\n").slice(0, -1)) findings.found("I12", `the verifier: ${line}`);
  const exported = await readExports(dir);
  const { rows: manifests } = await db.query<{ hour: string; records: string; events: string }>(
    `SELECT to_char(hour, 'YYYYMMDD"T"HH24MISS"Z"') AS hour, canonical::json ->> 'records' AS records,
       canonical::json ->> 'events' AS events FROM manifests`,
  );
  if (manifests.length === 0) findings.found("I12", "no hour has a manifest");
  for (const { hour, records, events } of manifests) {
    const found = exported.hours.get(hour);
    if (!found) findings.found("I12", `${hour} has a manifest and no export`);
    else if (found.records !== Number(records) || found.events !== Number(events))
      findings.found(
        "I12",
        `${hour}: ${records} records of ${events} events, exported ${JSON.stringify(found)}`,
      );
  }
  await auditRecordLines(db, exported, findings);
  await auditEventCounts(db, exported, findings);
}

async function runVerifier(verifier: string, dir: string): Promise<{ stdout: string; code: number }> {
  try {
    const { stdout } = await promisify(execFile)("python3", [verifier, dir], { maxBuffer: 2 ** 28 });
    return { stdout, code: 0 };
  } catch (error) {
    const { stdout, code } = error as { stdout?: string; code?: unknown };
    if (typeof code !== "number") throw error;
    return { stdout: `${stdout ?? ""}\nended with ${code}`, code };
  }
}

interface Exports {
  hours: Map<string, { records: number; events: number }>;
  /** Canonical bytes by serial number. */
  records: Map<string, string>;
}

async function readExports(dir: string): Promise<Exports> {
  const exported: Exports = { hours: new Map(), records: new Map() };
  for (const name of readdirSync(join(dir, "hours")).filter((each) => each.endsWith(".ndjson"))) {
    const hour = { records: 0, events: 0 };
    exported.hours.set(name.slice(0, 16), hour);
    for await (const line of createInterface({ input: createReadStream(join(dir, "hours", name)) })) {
      if (line.startsWith('{"event":')) hour.events += 1;
      if (!line.startsWith('{"record":')) continue;
      hour.records += 1;
      const canonical = line.slice('{"record":'.length, -1);
      exported.records.set((JSON.parse(canonical) as { sn: string }).sn, canonical);
    }
  }
  return exported;
}

async function auditRecordLines(db: pg.Client, exported: Exports, findings: Findings): Promise<void> {
  const { rows } = await db.query<{ sn: string; canonical: string }>(
    `SELECT r.sn, r.canonical FROM records r JOIN manifests m ON m.account_no = r.account_no
       AND r.seq BETWEEN m.seq_from[r.shard + 1] AND m.seq_to[r.shard + 1]`,
  );
  for (const { sn, canonical } of rows) {
    if (exported.records.get(sn) !== canonical)
      findings.found("I12", `${sn}: its export is ${exported.records.get(sn) ?? "not there"}`);
    exported.records.delete(sn);
  }
  for (const sn of exported.records.keys()) findings.found("I12", `${sn} is exported and in no manifest`);
}

/** An hour's leaves cover exactly the events that the ledger counted for it. */
async function auditEventCounts(db: pg.Client, exported: Exports, findings: Findings): Promise<void> {
  const { rows } = await db.query<{ hour: string; events: number }>(
    `SELECT to_char(COALESCE(bill_hour, date_trunc('hour', occurred, 'UTC')), 'YYYYMMDD"T"HH24MISS"Z"') AS hour,
       count(*)::float8 AS events
     FROM events WHERE instance_no IS NOT NULL GROUP BY 1`,
  );
  const counted = new Map(rows.map(({ hour, events }) => [hour, events]));
  for (const [hour, { events }] of exported.hours) {
    if (events !== (counted.get(hour) ?? 0))
      findings.found("I11", `${hour}: ${events} events are proven, ${counted.get(hour) ?? 0} counted`);
  }
}
