import { SHARDS, type Micros, type Total } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import type { HourScope, RecordProof } from "./scope.js";

/** A stored manifest. */
export interface StoredManifest {
  accountNo: number;
  account: string;
  number: number;
  hour: Micros;
  canonical: string;
  hash: string;
  keyId: string;
  signature: string;
  seqFrom: number[];
  seqTo: number[];
  anchors: number;
}

const SELECT = `SELECT m.account_no AS "accountNo", a.code AS account, m.number, m.hour, m.canonical, m.hash,
  m.key_id AS "keyId", m.signature, to_json(m.seq_from) AS "seqFrom", to_json(m.seq_to) AS "seqTo",
  (SELECT count(*) FROM anchors n WHERE n.account_no = m.account_no AND n.number = m.number) AS anchors
  FROM manifests m JOIN accounts a USING (account_no)`;

const PROOF_LOCK = 0x9200f;

/**
 * Locks the making of an account's manifests for this transaction; false if another process has the lock. The
 * transaction may then last as long as reading the hour takes.
 */
export async function lockProof(db: Db, accountNo: number): Promise<boolean> {
  const { rows } = await db.query<{ taken: boolean }>(
    "SELECT pg_try_advisory_xact_lock($1::integer, $2::integer) AS taken",
    [PROOF_LOCK, accountNo],
  );
  return rows[0]!.taken;
}

/** Lets the statements of this transaction last as long as reading a whole hour may take. */
export async function allowLongReads(db: Db): Promise<void> {
  await db.query("SET LOCAL statement_timeout = '15min'");
  await db.query("SET LOCAL idle_in_transaction_session_timeout = '2min'");
}

/** What the next manifest of an account covers. */
export interface ProofWork extends HourScope {
  number: number;
  prev: string | null;
}

/** An account's first hour without a manifest, if its records are frozen in all shards. */
export async function findProofWork(
  db: Db,
  { accountNo, code }: { accountNo: number; code: string },
): Promise<ProofWork | undefined> {
  const { rows } = await db.query<{ number: number; hour: Micros; hash: string; seqTo: number[] }>(
    `SELECT number, hour, hash, to_json(seq_to) AS "seqTo" FROM manifests
     WHERE account_no = $1::smallint ORDER BY number DESC LIMIT 1`,
    [accountNo],
  );
  const last = rows[0];
  const next = await db.query<{ hour: Micros; frozen: number }>(
    `SELECT hour, count(*) FILTER (WHERE frozen_at IS NOT NULL OR (divided_at IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM account_hours a WHERE a.account_no = $2::smallint AND a.shard = hours.shard AND a.hour = hours.hour
           AND a.frozen_at IS NULL)))::integer AS frozen
     FROM hours WHERE hour = (SELECT min(hour) FROM hours WHERE $1::timestamptz IS NULL OR hour > $1::timestamptz)
     GROUP BY hour`,
    [last ? stamp(last.hour) : null, accountNo],
  );
  const due = next.rows[0];
  if (!due || due.frozen < SHARDS) return undefined;
  const before = last?.seqTo ?? Array.from({ length: SHARDS }, () => 0);
  return {
    accountNo,
    account: code,
    hour: due.hour,
    number: (last?.number ?? 0) + 1,
    prev: last?.hash ?? null,
    seqFrom: before.map((seq) => seq + 1),
    seqTo: await readEnds(db, accountNo, due.hour, before),
  };
}

/**
 * The end of the hour's manifest in each chain: before its first record of a later hour, or the chain's end. A
 * re-report belongs to the manifest made after it was filed, whatever its hour.
 */
async function readEnds(
  db: Db,
  accountNo: number,
  hour: Micros,
  before: readonly number[],
): Promise<number[]> {
  const { rows } = await db.query<{ seq: number }>(
    `SELECT COALESCE(
       (SELECT r.seq - 1 FROM records r WHERE r.account_no = $1::smallint AND r.shard = t.shard - 1 AND r.seq > t.seq
          AND r.kind <> 'rereport' AND r.hour > $2::timestamptz ORDER BY r.seq LIMIT 1),
       (SELECT c.seq FROM chains c WHERE c.account_no = $1::smallint AND c.shard = t.shard - 1), 0)::bigint AS seq
     FROM unnest($3::bigint[]) WITH ORDINALITY AS t (seq, shard) ORDER BY t.shard`,
    [accountNo, stamp(hour), before],
  );
  return rows.map(({ seq }) => seq);
}

/** Stores a public key, once. */
export async function ensureProofKey(
  db: Db,
  key: { keyId: string; publicKey: string },
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO proof_keys (key_id, public_key, created_at) VALUES ($1::text, $2::text, $3::timestamptz)
     ON CONFLICT DO NOTHING`,
    [key.keyId, key.publicKey, stamp(now)],
  );
}

/** The keys that signed manifests, the newest last. */
export async function listProofKeys(
  db: Db,
): Promise<{ keyId: string; publicKey: string; createdAt: Micros }[]> {
  const { rows } = await db.query<{ keyId: string; publicKey: string; createdAt: Micros }>(
    `SELECT key_id AS "keyId", public_key AS "publicKey", created_at AS "createdAt" FROM proof_keys
     ORDER BY created_at, key_id`,
  );
  return rows;
}

/** Stores the roots of an hour's records beside them. */
export async function insertRecordProofs(
  db: Db,
  hour: Micros,
  proofs: readonly RecordProof[],
): Promise<void> {
  if (proofs.length === 0) return;
  await db.query(
    `INSERT INTO record_proofs (hour, instance_no, sn, events_root, leaves)
     SELECT $1::timestamptz, t.instance_no, t.sn, decode(t.root, 'hex'), t.leaves
     FROM unnest($2::integer[], $3::text[], $4::text[], $5::bigint[]) AS t (instance_no, sn, root, leaves)`,
    [
      stamp(hour),
      proofs.map((proof) => proof.instanceNo),
      proofs.map((proof) => proof.sn),
      proofs.map((proof) => proof.eventsRoot),
      proofs.map((proof) => proof.leaves),
    ],
  );
}

/** Stores a signed manifest with its totals. */
export async function insertManifest(
  db: Db,
  work: ProofWork,
  manifest: { canonical: string; hash: string; keyId: string; signature: string },
  totals: readonly Total[],
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO manifests (account_no, number, hour, canonical, hash, key_id, signature, seq_from, seq_to, made_at)
     VALUES ($1::smallint, $2::bigint, $3::timestamptz, $4::text, $5::text, $6::text, $7::text, $8::bigint[], $9::bigint[],
       $10::timestamptz)`,
    [
      work.accountNo,
      work.number,
      stamp(work.hour),
      manifest.canonical,
      manifest.hash,
      manifest.keyId,
      manifest.signature,
      work.seqFrom,
      work.seqTo,
      stamp(now),
    ],
  );
  await db.query(
    `INSERT INTO manifest_totals (account_no, number, product, meter, unit, kind, quantity, records)
     SELECT $1::smallint, $2::bigint, t.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::bigint[]) AS t`,
    [
      work.accountNo,
      work.number,
      totals.map((total) => total.product),
      totals.map((total) => total.meter),
      totals.map((total) => total.unit),
      totals.map((total) => total.kind),
      totals.map((total) => total.quantity),
      totals.map((total) => total.records),
    ],
  );
}

/** Manifests of an account by hour, `from` included, `to` not. */
export async function listManifests(
  db: Db,
  accountNo: number,
  from: Micros,
  to: Micros,
): Promise<StoredManifest[]> {
  const { rows } = await db.query<StoredManifest>(
    `${SELECT} WHERE m.account_no = $1::smallint AND m.hour >= $2::timestamptz AND m.hour < $3::timestamptz ORDER BY m.number`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows;
}

/** The manifest that covers a record; undefined if there is none yet. */
export async function findManifestOf(
  db: Db,
  accountNo: number,
  place: { shard: number; seq: number },
): Promise<StoredManifest | undefined> {
  const { rows } = await db.query<StoredManifest>(
    `${SELECT} WHERE m.account_no = $1::smallint AND m.seq_to[$2::integer + 1] >= $3::bigint ORDER BY m.number LIMIT 1`,
    [accountNo, place.shard, place.seq],
  );
  return rows[0];
}

/** Manifests that have not been anchored at a place, the oldest first. */
export async function findUnanchored(db: Db, place: string, limit: number): Promise<StoredManifest[]> {
  const { rows } = await db.query<StoredManifest>(
    `${SELECT} WHERE NOT EXISTS (SELECT 1 FROM anchors n WHERE n.account_no = m.account_no AND n.number = m.number
       AND n.place = $1::text) ORDER BY m.account_no, m.number LIMIT $2::integer`,
    [place, limit],
  );
  return rows;
}

/** Records that a manifest's hash was anchored at an external place. */
export async function insertAnchor(
  db: Db,
  manifest: Pick<StoredManifest, "accountNo" | "number" | "hash">,
  place: string,
  real: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO anchors (account_no, number, place, hash, anchored_at)
     VALUES ($1::smallint, $2::bigint, $3::text, $4::text, $5::timestamptz) ON CONFLICT DO NOTHING`,
    [manifest.accountNo, manifest.number, place, manifest.hash, stamp(real)],
  );
}

/** Whether an hour's manifest is in the ledger already, and the same. */
export async function findRestored(
  db: Db,
  accountNo: number,
  number: number,
  hash: string,
): Promise<"absent" | "same" | "other"> {
  const { rows } = await db.query<{ hash: string }>(
    "SELECT hash FROM manifests WHERE account_no = $1::smallint AND number = $2::bigint",
    [accountNo, number],
  );
  if (!rows[0]) return "absent";
  return rows[0].hash === hash ? "same" : "other";
}
