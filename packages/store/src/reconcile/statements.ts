import type { Micros, Period } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";

/** One record according to the marketplace. */
export interface StatedLine {
  /** Empty if it has none: then it is the record of its interval that was sent without one. */
  serialNumber: string;
  instanceId: string;
  begin: Micros;
  end: Micros;
  quantity: string;
  state: "pending" | "normal" | "abnormal" | "billed";
  code?: string | undefined;
  /** When it was collected into a bill. */
  collectedAt?: Micros | undefined;
}

/** What is stored about any statement: of records, or of money. */
interface StatementRow {
  accountNo: number;
  source: string;
  complete: boolean;
  /** Number of its lines. */
  lines: number;
  takenAt: Micros;
  /** The begins that a list of records covers. */
  range?: Period | undefined;
  /** The time that a bill covers. */
  bill?: Period | undefined;
}

/** Stores a statement. @returns its number */
export async function insertStatement(db: Db, row: StatementRow): Promise<number> {
  const { range, bill } = row;
  const times = [range?.from, range?.to, bill?.from, bill?.to];
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO statements (account_no, source, complete, lines, taken_at, range_from, range_to, bill_from, bill_to)
     VALUES ($1::smallint, $2::text, $3::boolean, $4::integer, $5::timestamptz, $6::timestamptz, $7::timestamptz,
       $8::timestamptz, $9::timestamptz)
     RETURNING statement_id AS id`,
    [
      ...[row.accountNo, row.source, row.complete, row.lines, stamp(row.takenAt)],
      ...times.map((time) => (time === undefined ? null : stamp(time))),
    ],
  );
  return rows[0]!.id;
}

const LINES_AT_ONCE = 5_000;

/** Stores the lines of a list of records. */
export async function insertStatedLines(
  db: Db,
  statementId: number,
  lines: readonly StatedLine[],
): Promise<void> {
  for (let start = 0; start < lines.length; start += LINES_AT_ONCE) {
    const chunk = lines.slice(start, start + LINES_AT_ONCE);
    await db.query(
      `INSERT INTO statement_lines (statement_id, line, sn, instance_id, begin_at, end_at, quantity, state, code)
       SELECT $1::bigint, $2::integer + t.position, t.sn, t.instance_id, t.begin_at, t.end_at, t.quantity, t.state, t.code
       FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[])
         WITH ORDINALITY AS t (sn, instance_id, begin_at, end_at, quantity, state, code, position)`,
      [
        statementId,
        start,
        chunk.map((line) => line.serialNumber),
        chunk.map((line) => line.instanceId),
        stamps(chunk.map((line) => line.begin)),
        stamps(chunk.map((line) => line.end)),
        chunk.map((line) => line.quantity),
        chunk.map((line) => line.state),
        chunk.map((line) => line.code ?? null),
      ],
    );
  }
}

/**
 * Supersedes older bills, such as days of a month, or a file imported twice: what a complete bill covers counts only
 * there.
 */
export async function supersedeBills(
  db: Db,
  statementId: number,
  { accountNo, complete }: { accountNo: number; complete: boolean },
): Promise<void> {
  if (complete) {
    await db.query(
      `UPDATE statements s SET superseded_by = b.statement_id FROM statements b
       WHERE b.statement_id = $1::bigint AND s.account_no = $2::smallint AND s.statement_id <> b.statement_id
         AND s.superseded_by IS NULL AND s.bill_from >= b.bill_from AND s.bill_to <= b.bill_to`,
      [statementId, accountNo],
    );
  }
  await db.query(
    `UPDATE statements s SET superseded_by = (
       SELECT b.statement_id FROM statements b
       WHERE b.account_no = $2::smallint AND b.complete AND b.superseded_by IS NULL AND b.statement_id <> s.statement_id
         AND b.bill_from <= s.bill_from AND b.bill_to >= s.bill_to LIMIT 1)
     WHERE s.statement_id = $1::bigint`,
    [statementId, accountNo],
  );
}
