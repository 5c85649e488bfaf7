import { createHash } from "node:crypto";
import type { Micros } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";

/** One call of the marketplace with its outcome. */
export interface Call {
  /** Version of the marketplace's wire, which also defines activity and code. */
  version: string;
  activity: string;
  test: boolean;
  /** Real time. */
  received: Micros;
  query: string;
  body: string;
  /** Whether one of our keys signed it. */
  authentic: boolean;
  /** Whether everything asked for was done. */
  ok: boolean;
  code: string;
  /** Only for us, not for the marketplace. */
  detail: string;
  reply: string;
  durationMs: number;
  /** The instance or order it is about. */
  ref: string;
  rerunOf: number | null;
}

export interface KeptCall extends Call {
  callId: number;
}

/** A nonce and the real time after which a call with it would be refused anyway. */
export interface Nonce {
  nonce: string;
  forgetAt: Micros;
}

/**
 * Stores nonces of an account's calls, all in one statement.
 * @returns for each whether it was new: a known one is a replay, and so is the second of two equal ones.
 */
export async function keepNonces(db: Db, accountNo: number, nonces: readonly Nonce[]): Promise<boolean[]> {
  const hashes = nonces.map(({ nonce }) => createHash("sha256").update(nonce, "utf8").digest());
  // Sorted, because statements of several processes could otherwise deadlock.
  const { rows } = await db.query<{ hash: Buffer }>(
    `INSERT INTO nonces (account_no, nonce_sha256, forget_at)
     SELECT $1::smallint, hash, at FROM unnest($2::bytea[], $3::timestamptz[]) AS t (hash, at) ORDER BY hash
     ON CONFLICT DO NOTHING RETURNING nonce_sha256 AS hash`,
    [accountNo, hashes, stamps(nonces.map(({ forgetAt }) => forgetAt))],
  );
  const fresh = new Set(rows.map(({ hash }) => hash.toString("hex")));
  return hashes.map((hash) => fresh.delete(hash.toString("hex")));
}

/** Removes nonces whose calls would be refused because of their time. @param now real time. */
export async function forgetNonces(db: Db, now: Micros): Promise<void> {
  await db.query("DELETE FROM nonces WHERE forget_at < $1::timestamptz", [stamp(now)]);
}

/** Stores calls, all in one statement. */
export async function insertCalls(db: Db, accountNo: number, calls: readonly Call[]): Promise<void> {
  if (calls.length === 0) return;
  const column = <K extends keyof Call>(name: K) => calls.map((call) => call[name]);
  await db.query(
    `INSERT INTO calls (account_no, version, activity, test, received, query, body, authentic, ok, code, detail, reply,
       duration_ms, ref, rerun_of)
     SELECT $1::smallint, * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::timestamptz[], $6::text[], $7::text[],
       $8::boolean[], $9::boolean[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::text[], $15::bigint[])`,
    [
      accountNo,
      column("version"),
      column("activity"),
      column("test"),
      stamps(column("received")),
      column("query"),
      column("body"),
      column("authentic"),
      column("ok"),
      column("code"),
      column("detail"),
      column("reply"),
      column("durationMs"),
      column("ref"),
      column("rerunOf"),
    ],
  );
}

const COLUMNS = `call_id AS "callId", version, activity, test, received, query, body, authentic, ok, code, detail,
  reply, duration_ms AS "durationMs", ref, rerun_of AS "rerunOf"`;

/** Calls, newest first, `limit` of them before the number `before`. */
export async function listCalls(
  db: Db,
  accountNo: number,
  filter: {
    before?: number | undefined;
    ref?: string | undefined;
    failed?: boolean | undefined;
    limit: number;
  },
): Promise<KeptCall[]> {
  const { rows } = await db.query<KeptCall>(
    `SELECT ${COLUMNS} FROM calls WHERE account_no = $1::smallint AND ($2::bigint IS NULL OR call_id < $2::bigint)
       AND ($3::text IS NULL OR ref = $3::text) AND (NOT $4::boolean OR NOT ok)
     ORDER BY call_id DESC LIMIT $5::integer`,
    [accountNo, filter.before ?? null, filter.ref ?? null, filter.failed ?? false, filter.limit],
  );
  return rows;
}

/** A call by its number; undefined if the account has none. */
export async function findCall(db: Db, accountNo: number, callId: number): Promise<KeptCall | undefined> {
  const { rows } = await db.query<KeptCall>(
    `SELECT ${COLUMNS} FROM calls WHERE account_no = $1::smallint AND call_id = $2::bigint`,
    [accountNo, callId],
  );
  return rows[0];
}

/** Requests that a call is run again; once while a request is open. @returns the number of the request. */
export async function askRerun(db: Db, callId: number, keyId: string, now: Micros): Promise<number> {
  const { rows } = await db.query<{ no: number }>(
    `INSERT INTO reruns AS r (call_id, key_id, asked_at) VALUES ($1::bigint, $2::text, $3::timestamptz)
     ON CONFLICT (call_id) WHERE done_at IS NULL DO UPDATE SET key_id = r.key_id RETURNING rerun_id AS no`,
    [callId, keyId, stamp(now)],
  );
  return rows[0]!.no;
}

export interface Rerun {
  rerunId: number;
  callId: number;
  doneAt: Micros | null;
  code: string | null;
}

const RERUN = `SELECT r.rerun_id AS "rerunId", r.call_id AS "callId", r.done_at AS "doneAt", r.code
  FROM reruns r JOIN calls c USING (call_id)`;

/** A request to run a call of an account again; `code` is null until it is done. */
export async function findRerun(db: Db, accountNo: number, rerunId: number): Promise<Rerun | undefined> {
  const { rows } = await db.query<Rerun>(
    `${RERUN} WHERE c.account_no = $1::smallint AND r.rerun_id = $2::bigint`,
    [accountNo, rerunId],
  );
  return rows[0];
}

/** Open requests, oldest first. Doing one twice does no harm, because every activity is idempotent. */
export async function findReruns(db: Db, accountNo: number, limit: number): Promise<Rerun[]> {
  const { rows } = await db.query<Rerun>(
    `${RERUN} WHERE c.account_no = $1::smallint AND r.done_at IS NULL ORDER BY r.rerun_id LIMIT $2::integer`,
    [accountNo, limit],
  );
  return rows;
}

/** Ends a request with the result code of the call. */
export async function settleRerun(db: Db, rerunId: number, code: string, now: Micros): Promise<void> {
  await db.query(
    "UPDATE reruns SET done_at = $3::timestamptz, code = $2::text WHERE rerun_id = $1::bigint AND done_at IS NULL",
    [rerunId, code, stamp(now)],
  );
}
