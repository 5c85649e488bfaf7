import { createHash, timingSafeEqual } from "node:crypto";
import type { KeyRole, Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

export interface ApiKey {
  keyId: string;
  name: string;
  role: KeyRole;
  /** The sources an ingest key may send for; one that ends with `*` is a prefix; null: any source. */
  sources: string[] | null;
  /** Codes of the accounts that a key of another role is limited to; null: all of the seller. */
  accounts: string[] | null;
  createdAt: Micros;
  revokedAt: Micros | null;
}

/** A key that is not revoked, with the hash its bearer token must have. */
export interface LiveKey {
  keyId: string;
  role: KeyRole;
  sources: string[] | null;
  accounts: string[] | null;
  secretSha256: Buffer;
}

/** Bearer tokens are `qp_<key id>_<secret>`; only the SHA-256 of the whole token is stored. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

const BEARER = /^Bearer +(qp_([a-z0-9]{1,32})_\S{1,128})$/i;
const NO_HASH = Buffer.alloc(32);

/**
 * The key of an Authorization header, `Bearer qp_<key id>_<secret>`, among the given ones; undefined if there is
 * none. Takes the same time for an unknown key id as for a wrong secret.
 */
export function findBearer(
  keys: ReadonlyMap<string, LiveKey>,
  authorization: string | undefined,
): LiveKey | undefined {
  const [, token = "", keyId = ""] = BEARER.exec(authorization ?? "") ?? [];
  const key = keys.get(keyId);
  return timingSafeEqual(hashToken(token), key?.secretSha256 ?? NO_HASH) ? key : undefined;
}

/** Stores a new key: the hash of its token, never the token. */
export async function createKey(
  db: Db,
  key: Pick<ApiKey, "keyId" | "name" | "role"> &
    Partial<Pick<ApiKey, "sources" | "accounts">> & { token: string },
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO api_keys (key_id, name, role, sources, accounts, secret_sha256, created_at)
     VALUES ($1::text, $2::text, $3::text, $4::text[], $5::text[], $6::bytea, $7::timestamptz)`,
    [
      key.keyId,
      key.name,
      key.role,
      key.sources ?? null,
      key.accounts ?? null,
      hashToken(key.token),
      stamp(now),
    ],
  );
}

/** All keys, including revoked ones, oldest first. */
export async function listKeys(db: Db): Promise<ApiKey[]> {
  const { rows } = await db.query<ApiKey>(
    `SELECT key_id AS "keyId", name, role, sources, accounts, created_at AS "createdAt",
       revoked_at AS "revokedAt" FROM api_keys ORDER BY created_at, key_id`,
  );
  return rows;
}

/** All valid keys; services keep them in memory and read them again every second or two. */
export async function liveKeys(db: Db): Promise<LiveKey[]> {
  const { rows } = await db.query<LiveKey>(
    `SELECT key_id AS "keyId", role, sources, accounts, secret_sha256 AS "secretSha256"
     FROM api_keys WHERE revoked_at IS NULL`,
  );
  return rows;
}

/** @returns whether there was a valid key with this id. */
export async function revokeKey(db: Db, keyId: string, now: Micros): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE api_keys SET revoked_at = $2::timestamptz WHERE key_id = $1::text AND revoked_at IS NULL",
    [keyId, stamp(now)],
  );
  return rowCount === 1;
}

/** Whether a key may send events of a source. */
export function maySend({ sources }: Pick<ApiKey, "sources">, source: string): boolean {
  return (
    sources === null ||
    sources.some((one) => (one.endsWith("*") ? source.startsWith(one.slice(0, -1)) : source === one))
  );
}
