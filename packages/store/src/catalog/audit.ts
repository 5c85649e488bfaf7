import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Who acts, for which account; every act of a person is recorded with what it changed. */
export interface Actor {
  accountNo: number;
  keyId: string;
}

/** Who acts on things that belong to the seller: keys, meters, sources, waiting events. */
export type SellerActor = Pick<Actor, "keyId">;

export interface AuditEntry {
  at: Micros;
  keyId: string;
  act: string;
  ref: string;
  before: unknown;
  after: unknown;
}

/** Records an act; call it in the transaction of the act. @param change the values before and after, as JSON. */
export async function writeAudit(
  db: Db,
  { accountNo, keyId }: SellerActor & Partial<Actor>,
  { act, ref, before, after }: { act: string; ref: string; before?: unknown; after?: unknown },
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO audit (account_no, at, key_id, act, ref, before, after)
     VALUES ($1::smallint, $2::timestamptz, $3::text, $4::text, $5::text, $6::jsonb, $7::jsonb)`,
    [accountNo ?? null, stamp(now), keyId, act, ref, asJson(before), asJson(after)],
  );
}

/** An entry as it is kept. */
export interface KeptAudit extends AuditEntry {
  auditId: number;
  /** Code of the account that was acted on; null for what belongs to the seller. */
  account: string | null;
}

/**
 * Acts on these accounts, the newest first, `limit` of them before the number `before`.
 * @param seller whether acts on what belongs to the seller are among them
 */
export async function listAudit(
  db: Db,
  accountNos: readonly number[],
  {
    seller,
    ref,
    before,
    limit,
  }: { seller: boolean; ref?: string | undefined; before?: number | undefined; limit: number },
): Promise<KeptAudit[]> {
  const { rows } = await db.query<KeptAudit>(
    `SELECT audit_id AS "auditId", (SELECT code FROM accounts WHERE accounts.account_no = audit.account_no) AS account,
       at, key_id AS "keyId", act, ref, before, after FROM audit
     WHERE (account_no = ANY ($1::smallint[]) OR ($5::boolean AND account_no IS NULL))
       AND ($2::text IS NULL OR ref = $2::text) AND ($3::bigint IS NULL OR audit_id < $3::bigint)
     ORDER BY audit_id DESC LIMIT $4::integer`,
    [[...accountNos], ref ?? null, before ?? null, limit, seller],
  );
  return rows;
}

function asJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
