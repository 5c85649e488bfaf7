import type { Micros, RecordKind, RecordState } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { listRereports, type RereportWish } from "./rereports.js";

/** A bill record as `billing.records` shows it. */
export interface RecordView {
  sn: string;
  account: string;
  instanceId: string;
  product: string;
  meter: string;
  unit: string;
  subject: string;
  kind: RecordKind;
  part: string;
  hour: Micros;
  begin: Micros;
  end: Micros;
  quantity: string;
  events: number;
  state: RecordState;
  code: string | null;
  attempts: number | null;
  settledAt: Micros | null;
  windowEnds: Micros;
  replaces: string | null;
  checksum: string;
}

const SELECT = `SELECT sn, account, instance_id AS "instanceId", product, meter, unit, subject, kind, part, hour,
  begin_at AS begin, end_at AS "end", quantity, events, state, code, attempts, settled_at AS "settledAt",
  window_ends AS "windowEnds", replaces, checksum FROM billing.records`;

const OF_ACCOUNTS = "account IN (SELECT code FROM accounts WHERE account_no = ANY ($6::smallint[]))";

export interface RecordFilter {
  hour?: Micros | undefined;
  instanceId?: string | undefined;
  state?: string | undefined;
  /** Serial number after which the page begins. */
  after: string;
  limit: number;
}

/** Records of accounts by serial number. */
export async function listRecords(
  db: Db,
  accountNos: readonly number[],
  filter: RecordFilter,
): Promise<RecordView[]> {
  const { rows } = await db.query<RecordView>(
    `${SELECT} WHERE ${OF_ACCOUNTS} AND sn > $1::text AND ($2::timestamptz IS NULL OR hour = $2::timestamptz)
       AND ($3::text IS NULL OR instance_id = $3::text) AND ($4::text IS NULL OR state = $4::text)
     ORDER BY sn LIMIT $5::integer`,
    [
      filter.after,
      filter.hour === undefined ? null : stamp(filter.hour),
      filter.instanceId ?? null,
      filter.state ?? null,
      filter.limit,
      [...accountNos],
    ],
  );
  return rows;
}

/** One record with its frozen bytes and its history. */
export interface RecordDetail extends RecordView {
  canonical: string;
  prev: string;
  wire: string;
  attemptsMade: {
    at: Micros;
    host: string | null;
    result: string | null;
    code: string | null;
    bodySha256: string | null;
  }[];
  rereports: RereportWish[];
  outcomes: { state: RecordState; code: string | null; detail: string; source: string; at: Micros }[];
}

/** One record of accounts with its bytes, attempts and outcomes; undefined if none of them has the serial number. */
export async function findRecord(
  db: Db,
  accountNos: readonly number[],
  sn: string,
): Promise<RecordDetail | undefined> {
  const { rows } = await db.query<RecordDetail>(
    `${SELECT} WHERE sn = $1::text AND account IN (SELECT code FROM accounts WHERE account_no = ANY ($2::smallint[]))`,
    [sn, [...accountNos]],
  );
  const view = rows[0];
  if (!view) return undefined;
  const frozen = await db.query<{ canonical: string; prev: string; wire: string }>(
    "SELECT canonical, prev, wire FROM records WHERE sn = $1::text",
    [sn],
  );
  const attempts = await db.query<RecordDetail["attemptsMade"][number]>(
    `SELECT t.sent_at AS at, t.host, t.result, t.code, t.body_sha256 AS "bodySha256"
     FROM records r JOIN submissions s ON s.account_no = r.account_no AND s.shard = r.shard
       AND s.seq_from <= r.seq AND s.seq_to >= r.seq
     JOIN attempts t USING (submission_id) WHERE r.sn = $1::text ORDER BY t.sent_real, t.attempt`,
    [sn],
  );
  const outcomes = await db.query<RecordDetail["outcomes"][number]>(
    "SELECT state, code, detail, source, at FROM outcomes WHERE sn = $1::text ORDER BY outcome_id",
    [sn],
  );
  return {
    ...view,
    ...frozen.rows[0]!,
    attemptsMade: attempts.rows,
    outcomes: outcomes.rows,
    rereports: await listRereports(db, sn),
  };
}

/**
 * How often each record of an account was sent: "duplicate" for one that was sent more than once is proof of
 * delivery.
 */
export async function countSends(
  db: Db,
  accountNo: number,
  sns: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ sn: string; sends: number }>(
    `SELECT r.sn, COALESCE(sum(s.attempts -
       (SELECT count(*) FROM attempts t WHERE t.submission_id = s.submission_id AND t.result = 'split')), 0)::integer AS sends FROM records r
     JOIN submissions s ON s.account_no = r.account_no AND s.shard = r.shard AND s.seq_from <= r.seq AND s.seq_to >= r.seq
     WHERE r.account_no = $1::smallint AND r.sn = ANY ($2::text[]) GROUP BY r.sn`,
    [accountNo, sns],
  );
  return new Map(rows.map(({ sn, sends }) => [sn, sends]));
}
