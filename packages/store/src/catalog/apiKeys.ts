import { createHash } from "node:crypto";
import type { KeyRole, Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

export interface ApiKey {
  keyId: string;
  accountNo: number;
  name: string;
  role: KeyRole;
  createdAt: Micros;
  revokedAt: Micros | null;
}

/** A key that is not revoked, with the hash its bearer token must have. */
export interface LiveKey {
  keyId: string;
  accountNo: number;
  role: KeyRole;
  /** Codes of the accounts that it is limited to; null: all of the seller. */
  accounts: string[] | null;
  secretSha256: Buffer;
}

/** Bearer tokens are `qp_<key id>_<secret>`; only the SHA-256 of the whole token is kept. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** Keeps a new key: the hash of its token, never the token. */
export async function createKey(
  db: Db,
  key: Pick<ApiKey, "keyId" | "accountNo" | "name" | "role"> & { token: string },
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO api_keys (key_id, account_no, name, role, secret_sha256, created_at)
     VALUES ($1::text, $2::smallint, $3::text, $4::text, $5::bytea, $6::timestamptz)`,
    [key.keyId, key.accountNo, key.name, key.role, hashToken(key.token), stamp(now)],
  );
}

/** All keys, the revoked ones too, oldest first. */
export async function listKeys(db: Db): Promise<ApiKey[]> {
  const { rows } = await db.query<ApiKey>(
    `SELECT key_id AS "keyId", account_no AS "accountNo", name, role, created_at AS "createdAt",
       revoked_at AS "revokedAt" FROM api_keys ORDER BY created_at, key_id`,
  );
  return rows;
}

/** All keys that open something now; services keep them in memory and read them again every second or two. */
export async function liveKeys(db: Db): Promise<LiveKey[]> {
  const { rows } = await db.query<LiveKey>(
    `SELECT key_id AS "keyId", account_no AS "accountNo", role, accounts, secret_sha256 AS "secretSha256"
     FROM api_keys WHERE revoked_at IS NULL`,
  );
  return rows;
}

/** @returns whether there was such a key that was still live. */
export async function revokeKey(db: Db, keyId: string, now: Micros): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE api_keys SET revoked_at = $2::timestamptz WHERE key_id = $1::text AND revoked_at IS NULL",
    [keyId, stamp(now)],
  );
  return rowCount === 1;
}
