import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { createFindings } from "./audit/findings.js";
import { readMarket, readTruth, type AuditConfig } from "./audit/input.js";
import { auditMarket } from "./audit/market.js";
import { auditProofs } from "./audit/proofs.js";
import { auditRecords, readRecords } from "./audit/records.js";
import { auditSealed, readSnapshot } from "./audit/sealed.js";
import { auditTransport } from "./audit/transport.js";
import { auditUsage } from "./audit/usage.js";

/** Invariants of failures.md 3 that are not checked, and why. */
export const SKIPPED = {
  I16: "one seller: there are no tenants",
  I17: "the commit time: entries carry the time of receipt alone (each acknowledged event is in a journal is checked)",
  I19: "prices are the marketplace's: quantities per account and day are compared",
  I20: "counters begin anew with each killed process",
} as const;

export interface AuditReport {
  violations: { id: string; detail: string }[];
  lost: number;
  doubled: number;
  skipped: Record<string, string>;
}

/**
 * Checks every invariant on a system at rest. Shares no code with the product; the only tool of the product that it
 * runs is the auditors' script.
 */
export async function audit(config: AuditConfig): Promise<AuditReport> {
  const findings = createFindings();
  const db = new pg.Client({ connectionString: config.databaseUrl, options: "-c timezone=UTC" });
  await db.connect();
  try {
    const truth = await readTruth(config.truthPath);
    const market = await readMarket(config.sandboxStore);
    const records = await readRecords(db);
    await auditUsage(db, truth, findings);
    await auditRecords(db, records, findings);
    await auditMarket(db, records, market, findings);
    await auditTransport(db, config, truth, findings);
    if (config.proofs) await auditProofs(db, config.proofs, findings);
    await auditSealed(db, config.snapshots ?? [], findings);
  } finally {
    await db.end();
  }
  findings.finish();
  const { violations, lost, doubled } = findings;
  return { violations, lost, doubled, skipped: SKIPPED };
}

/** Writes down everything sealed by now, for a later audit to compare. */
export async function snapshot(databaseUrl: string, path: string): Promise<void> {
  const db = new pg.Client({ connectionString: databaseUrl, options: "-c timezone=UTC" });
  await db.connect();
  try {
    writeFileSync(path, JSON.stringify(await readSnapshot(db)));
  } finally {
    await db.end();
  }
}

const [, script, first, second, third] = process.argv;
if (script && import.meta.url === pathToFileURL(script).href) {
  if (first === "--snapshot") await snapshot(second!, third!);
  else {
    const report = await audit(JSON.parse(readFileSync(first!, "utf8")) as AuditConfig);
    process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exitCode = report.violations.length === 0 ? 0 : 1;
  }
}
