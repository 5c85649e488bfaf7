import type { Micros, OutcomeSource, RecordState, SubmissionState } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Outcomes of single records that differ from their call's. */
export async function insertOutcomes(
  db: Db,
  rows: readonly { sn: string; state: RecordState; code: string | null; detail: string }[],
  source: OutcomeSource,
  now: Micros,
): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO outcomes (sn, state, code, detail, source, at)
     SELECT t.*, $5::text, $6::timestamptz FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t`,
    [
      rows.map((row) => row.sn),
      rows.map((row) => row.state),
      rows.map((row) => row.code),
      rows.map((row) => row.detail),
      source,
      stamp(now),
    ],
  );
}

/**
 * Outcomes of the records that a query returns as columns `sn`, `state` and `code`.
 * @param values of the query's `$1` …
 * @returns how many
 */
export async function insertOutcomesOf(
  db: Db,
  query: string,
  values: readonly unknown[],
  source: OutcomeSource,
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO outcomes (sn, state, code, source, at)
     SELECT q.sn, q.state, q.code, $${values.length + 1}::text, $${values.length + 2}::timestamptz FROM (${query}) q`,
    [...values, source, stamp(now)],
  );
  return rowCount ?? 0;
}

/** A range of a chain whose records are in one call. */
export interface ChainRange {
  accountNo: number;
  shard: number;
  seqFrom: number;
  seqTo: number;
}

/** A record with its own outcome (missing, for example) takes the newer one of the call that sent it again. */
export async function overrideOutcomes(
  db: Db,
  { accountNo, shard, seqFrom, seqTo }: ChainRange,
  { state, code }: { state: SubmissionState; code: string | null },
  now: Micros,
): Promise<void> {
  if (state === "split") return;
  await insertOutcomesOf(
    db,
    `SELECT r.sn, $5::text AS state, $6::text AS code FROM records r
     WHERE r.account_no = $1::smallint AND r.shard = $2::smallint AND r.seq BETWEEN $3::bigint AND $4::bigint
       AND EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = r.sn)`,
    [accountNo, shard, seqFrom, seqTo, state, code],
    "reply",
    now,
  );
}
