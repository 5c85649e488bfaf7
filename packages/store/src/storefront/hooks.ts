import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { jsonb } from "../db/json.js";

/** A notification for the seller's service, until it answers. */
export interface Hook {
  hookId: number;
  /** One event of an account has one id, however often it is sent. */
  deliveryId: string;
  kind: string;
  ref: string;
  /** The exact text that is sent. */
  payload: string;
  attempts: number;
  deliveredAt: Micros | null;
  reply: unknown;
  lastError: string | null;
}

const COLUMNS = `hook_id AS "hookId", delivery_id AS "deliveryId", kind, ref, payload, attempts,
  delivered_at AS "deliveredAt", reply, last_error AS "lastError"`;

/**
 * Queues a hook; the same delivery of an account only once.
 * @param afterSeconds real time before the queue sends it: the caller may want to send it first.
 */
export async function enqueueHook(
  db: Db,
  accountNo: number,
  hook: Pick<Hook, "deliveryId" | "kind" | "ref" | "payload">,
  now: Micros,
  afterSeconds = 0,
): Promise<Hook> {
  const { rows } = await db.query<Hook>(
    `INSERT INTO hooks AS h (account_no, delivery_id, kind, ref, payload, created_at, next_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::text, $6::timestamptz,
       now() + make_interval(secs => $7::float8))
     ON CONFLICT (account_no, delivery_id) DO UPDATE SET kind = h.kind RETURNING ${COLUMNS}`,
    [accountNo, hook.deliveryId, hook.kind, hook.ref, hook.payload, stamp(now), afterSeconds],
  );
  return rows[0]!;
}

/**
 * Takes up to `limit` due hooks, for `leaseSeconds` of real time. Hooks about one thing are sent in order: a later
 * one waits until the earlier ones were taken.
 */
export async function claimHooks(
  db: Db,
  accountNo: number,
  limit: number,
  leaseSeconds: number,
): Promise<Hook[]> {
  const { rows } = await db.query<Hook>(
    `UPDATE hooks SET next_at = now() + make_interval(secs => $3::float8)
     WHERE hook_id IN (SELECT hook_id FROM hooks h WHERE delivered_at IS NULL AND next_at <= now()
       AND account_no = $1::smallint AND NOT EXISTS (
         SELECT 1 FROM hooks o WHERE o.account_no = h.account_no AND o.ref = h.ref AND o.delivered_at IS NULL
           AND o.hook_id < h.hook_id)
       ORDER BY next_at LIMIT $2::integer FOR UPDATE SKIP LOCKED)
     RETURNING ${COLUMNS}`,
    [accountNo, limit, leaseSeconds],
  );
  return rows;
}

/** Records that the seller's service took a hook, with its answer. */
export async function settleHook(db: Db, hookId: number, reply: unknown, now: Micros): Promise<void> {
  await db.query(
    `UPDATE hooks SET delivered_at = COALESCE(delivered_at, $3::timestamptz), reply = COALESCE(reply, $2::jsonb),
       attempts = attempts + 1, last_error = NULL WHERE hook_id = $1::bigint`,
    [hookId, jsonb(reply ?? null), stamp(now)],
  );
}

/** Records that it did not, and when it is sent again. */
export async function postponeHook(db: Db, hookId: number, error: string, seconds: number): Promise<void> {
  await db.query(
    `UPDATE hooks SET attempts = attempts + 1, last_error = $2::text,
       next_at = now() + make_interval(secs => $3::float8) WHERE hook_id = $1::bigint AND delivered_at IS NULL`,
    [hookId, error, seconds],
  );
}

/** Hooks that the seller's service has not taken, the longest waiting first. */
export async function listWaitingHooks(db: Db, accountNo: number, limit: number): Promise<Hook[]> {
  const { rows } = await db.query<Hook>(
    `SELECT ${COLUMNS} FROM hooks WHERE account_no = $1::smallint AND delivered_at IS NULL
     ORDER BY hook_id LIMIT $2::integer`,
    [accountNo, limit],
  );
  return rows;
}
