import { readFileSync } from "node:fs";
import type pg from "pg";
import type { Findings } from "./findings.js";

/** Sealed rows of the ledger, each with the hash of all its columns. */
export type Snapshot = Record<string, string>;

/** Reads what must never change again: usage of sealed hours, records, residues, and the seals themselves. */
export async function readSnapshot(db: pg.Client): Promise<Snapshot> {
  const { rows } = await db.query<{ name: string; hash: string }>(
    `SELECT 'usage ' || u.shard || ' ' || bill_hour || ' ' || instance_no || ' ' || origin_hour AS name, md5(u::text) AS hash
       FROM hour_usage u JOIN shards s ON s.shard = u.shard WHERE bill_hour < s.sealed_before
     UNION ALL SELECT 'record ' || sn, md5(r::text) FROM records r
     UNION ALL SELECT 'residue ' || instance_no || ' ' || hour, md5(r::text) FROM residues r
     UNION ALL SELECT 'hour ' || shard || ' ' || hour, md5(row(status, reason, sealed_at)::text) FROM hours`,
  );
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash]));
}

/** I9: every row of the earlier snapshots is still there, unchanged. */
export async function auditSealed(
  db: pg.Client,
  paths: readonly string[],
  findings: Findings,
): Promise<void> {
  const now = await readSnapshot(db);
  for (const path of paths) {
    const then = JSON.parse(readFileSync(path, "utf8")) as Snapshot;
    for (const [name, hash] of Object.entries(then)) {
      if (now[name] !== hash)
        findings.found("I9", `${name} ${now[name] === undefined ? "is gone" : "has changed"}`);
    }
    // Rows added to a sealed hour later.
    const sealed = new Set(
      Object.keys(then)
        .filter((name) => name.startsWith("hour "))
        .map((name) => name.slice(5)),
    );
    for (const name of Object.keys(now)) {
      const match = /^usage (\d+) (\S+ \S+) /.exec(name);
      if (match && sealed.has(`${match[1]} ${match[2]}`) && !(name in then))
        findings.found("I9", `${name} came after the seal`);
    }
  }
}
