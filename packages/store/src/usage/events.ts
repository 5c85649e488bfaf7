import { hourOf, keyIsId, type Micros, type QuarantineReason } from "@quarterpast/domain";
import pg from "pg";
import { boolArray, int4Array, numericArray, timestamptzArray, uuidArray } from "../db/binaryArray.js";
import { stamp, stamps, type Db } from "../db/database.js";
import { storedPayloadHash, type PayloadRow } from "./payload.js";

/** One event as it is kept: counted where it has an instance and a bill hour, else waiting in quarantine. */
export interface EventRow {
  sourceNo: number;
  key: string;
  /** Null where the key carries the id in itself. */
  id: string | null;
  /** Null where it follows from the row: see payload.ts. */
  payloadHash: string | null;
  subject: string;
  meter: string;
  occurred: Micros;
  instanceNo: number | null;
  billHour: Micros | null;
  quantity: string | null;
  value: string | null;
  extensions: string | null;
}

/** Numbers of the given sources, made where they are new. Outside the batch's transaction: a number is never taken back. */
export async function ensureSources(
  db: Db,
  accountNo: number,
  sources: readonly string[],
): Promise<Map<string, number>> {
  const sorted = [...sources].sort();
  await db.query(
    `INSERT INTO sources (account_no, source) SELECT $1::smallint, source FROM unnest($2::text[]) AS source
     ON CONFLICT (account_no, source) DO NOTHING`,
    [accountNo, sorted],
  );
  const { rows } = await db.query<{ source: string; no: number }>(
    "SELECT source, source_no AS no FROM sources WHERE account_no = $1::smallint AND source = ANY ($2::text[])",
    [accountNo, sorted],
  );
  return new Map(rows.map(({ source, no }) => [source, no]));
}

/**
 * Inserts events, each once: `rows` sorted by (source, key) and without doubles among themselves.
 * @returns the positions in `rows` of events that were there already.
 */
export async function insertEvents(db: Db, rows: readonly EventRow[]): Promise<number[]> {
  if (rows.length === 0) return [];
  const isPlain = !rows.some(isRare);
  const { rows: found } = await db.query<{ sourceNo: number; key: string; inserted: number }>({
    name: isPlain ? "insert plain events" : "insert events",
    text: isPlain ? INSERT_PLAIN : INSERT_ANY,
    values: [...valuesOf(rows, isPlain), rows.length],
  });
  if (found[0]!.inserted === rows.length) return [];
  const fresh = new Set(found.slice(1).map(({ sourceNo, key }) => `${sourceNo} ${key}`));
  return rows.flatMap((row, at) => (fresh.has(`${row.sourceNo} ${row.key}`) ? [] : [at]));
}

/**
 * {@link insertEvents} for rows none of which is there yet, which costs six tenths of it: nobody asks before.
 * @returns that none was.
 * @throws an error that {@link isRepeat} knows where one was there: nothing of the transaction holds.
 */
export async function insertFreshEvents(db: Db, rows: readonly EventRow[]): Promise<never[]> {
  if (rows.length === 0) return [];
  const isPlain = !rows.some(isRare);
  await db.query({
    name: isPlain ? "insert fresh plain events" : "insert fresh events",
    text: isPlain ? FRESH_PLAIN : FRESH_ANY,
    values: valuesOf(rows, isPlain),
  });
  return [];
}

/** Whether an insert met an event that is there. */
export function isRepeat(error: unknown): boolean {
  const isDouble = error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION;
  return isDouble && error.table?.startsWith("events") === true;
}

const UNIQUE_VIOLATION = "23505";

function isRare(row: EventRow): boolean {
  return (row.value ?? row.id ?? row.extensions ?? row.payloadHash) !== null;
}

function valuesOf(rows: readonly EventRow[], isPlain: boolean): unknown[] {
  const plain = [
    uuidArray(rows.map((row) => row.key)),
    timestamptzArray(rows.map((row) => row.occurred)),
    timestamptzArray(rows.map(rolledTo)),
    int4Array(rows.map((row) => row.sourceNo)),
    int4Array(rows.map((row) => row.instanceNo)),
    boolArray(rows.map((row) => keyIsId(row.key))),
    numericArray(rows.map((row) => row.quantity)),
  ];
  if (isPlain) return plain;
  return [
    ...plain,
    rows.map((row) => row.value),
    rows.map((row) => row.id),
    rows.map((row) => row.extensions),
    rows.map((row) => row.payloadHash),
  ];
}

const PLAIN = "key, occurred, bill_hour, source_no, instance_no, timed, quantity";
const ANY = `${PLAIN}, value, id, extensions, payload_hash`;
const PLAIN_TYPES = ["uuid", "timestamptz", "timestamptz", "integer", "integer", "boolean", "numeric"];
const ANY_TYPES = [...PLAIN_TYPES, "text", "text", "jsonb", "uuid"];

/** Side by side in the list of columns, where they are read as they go; as a table they would all be stored first. */
const rowsOf = (types: readonly string[]): string =>
  `SELECT ${types.map((type, at) => `unnest($${at + 1}::${type}[])`).join(", ")}`;
const FRESH_PLAIN = `INSERT INTO events (${PLAIN}) ${rowsOf(PLAIN_TYPES)}`;
const FRESH_ANY = `INSERT INTO events (${ANY}) ${rowsOf(ANY_TYPES)}`;

/** How many were inserted; then which, where that is not all: mostly it is, and nobody need be told each. */
const insertOnce = (columns: string, types: readonly string[]): string => `
  WITH inserted AS (
    INSERT INTO events (${columns}) ${rowsOf(types)}
    ON CONFLICT (source_no, key, timed) DO NOTHING RETURNING source_no, key
  ), total AS (SELECT count(*)::integer AS n FROM inserted)
  SELECT NULL::integer AS "sourceNo", NULL::uuid AS key, n AS inserted FROM total
  UNION ALL SELECT source_no, key, 0 FROM inserted, total WHERE n < $${types.length + 1}::integer`;
const INSERT_PLAIN = insertOnce(PLAIN, PLAIN_TYPES);
const INSERT_ANY = insertOnce(ANY, ANY_TYPES);

/** Of events that were there already, those whose payload is another: the same id with other usage. */
export async function findConflicting(db: Db, rows: readonly EventRow[]): Promise<EventRow[]> {
  if (rows.length === 0) return [];
  const { rows: present } = await db.query<PayloadRow & { position: number }>(
    `SELECT (position - 1)::integer AS position, i.subject, m.code AS meter, e.occurred AS time, e.quantity::text, e.value,
       e.payload_hash AS "payloadHash"
     FROM unnest($1::integer[], $2::uuid[]) WITH ORDINALITY AS t (source_no, key, position)
     JOIN events e USING (source_no, key) LEFT JOIN instances i USING (instance_no) LEFT JOIN meters m USING (meter_no)
     ORDER BY position`,
    [rows.map((row) => row.sourceNo), rows.map((row) => row.key)],
  );
  return present
    .filter((row) => storedPayloadHash(row) !== hashOfRow(rows[row.position]!))
    .map(({ position }) => rows[position]!);
}

function hashOfRow({ occurred, ...row }: EventRow): string {
  return storedPayloadHash({ ...row, time: occurred });
}

/** The hour to which late usage rolled forward; null where an event is billed in its own. */
function rolledTo({ billHour, occurred }: EventRow): Micros | null {
  return billHour === hourOf(occurred) ? null : billHour;
}

/** Records conflicts; the event that came first stays as it is and no sum changes. */
export async function insertConflicts(db: Db, rows: readonly EventRow[], now: Micros): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO conflicts (source_no, key, payload_hash, subject, meter, occurred, quantity, value, found_at)
     SELECT *, $9::timestamptz FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
       $7::numeric[], $8::text[]) ON CONFLICT DO NOTHING`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map(hashOfRow),
      rows.map((row) => row.subject),
      rows.map((row) => row.meter),
      stamps(rows.map((row) => row.occurred)),
      rows.map((row) => row.quantity),
      rows.map((row) => row.value),
      stamp(now),
    ],
  );
}

export type Quarantined = Pick<EventRow, "sourceNo" | "key" | "subject" | "meter"> & {
  reason: QuarantineReason;
  /** The event as it came, where its fields cannot be stored. */
  raw?: Buffer | undefined;
};

/** Puts events that were inserted without an instance into quarantine, each with its reason. */
export async function insertQuarantine(
  db: Db,
  accountNo: number,
  rows: readonly Quarantined[],
  now: Micros,
): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO quarantine (source_no, key, account_no, reason, subject, meter, raw, quarantined_at)
     SELECT t.source_no, t.key, $6::smallint, t.reason, t.subject, t.meter, t.raw, $7::timestamptz
     FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::text[], $8::bytea[])
       AS t (source_no, key, reason, subject, meter, raw)`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map((row) => row.reason),
      rows.map((row) => row.subject),
      rows.map((row) => row.meter),
      accountNo,
      stamp(now),
      rows.map((row) => row.raw ?? null),
    ],
  );
}

/** An event that waits and now has an instance that lived when it occurred. */
export interface Releasable {
  sourceNo: number;
  key: string;
  reason: QuarantineReason;
  instanceNo: number;
  shard: number;
  meter: string;
  occurred: Micros;
  quantity: string | null;
  value: string | null;
}

/** Up to `limit` events in quarantine whose binding exists by now and that wait for one. */
export async function findReleasable(db: Db, limit: number): Promise<Releasable[]> {
  const { rows } = await db.query<Releasable>(
    `SELECT q.source_no AS "sourceNo", q.key, q.reason, i.instance_no AS "instanceNo", i.shard, q.meter,
       e.occurred, e.quantity, e.value
     FROM quarantine q
     JOIN meters m ON m.code = q.meter
     JOIN instances i ON i.account_no = q.account_no AND i.subject = q.subject AND i.meter_no = m.meter_no
     JOIN events e USING (source_no, key)
     WHERE q.released_at IS NULL AND q.written_off_at IS NULL
       AND (q.reason IN ('unknown_meter', 'unknown_instance', 'instance_closed', 'instance_suspended')
         -- The scale of its meter was raised.
         OR (q.reason = 'scale_exceeded' AND scale(trim_scale(e.quantity)) <= m.scale AND NOT COALESCE(e.extensions ?| ARRAY['corrects', 'cancels'], false)))
       AND i.opened <= e.occurred AND (i.closed IS NULL OR e.occurred < i.closed)
       AND NOT EXISTS (SELECT 1 FROM instance_suspensions f WHERE f.instance_no = i.instance_no
         AND f.suspended_from <= e.occurred AND (f.suspended_to IS NULL OR e.occurred < f.suspended_to))
     ORDER BY q.source_no, q.key LIMIT $1::integer`,
    [limit],
  );
  return rows;
}

/**
 * Binds waiting events to their instances and hours. An event that another process has bound, or is binding, is left out.
 * @returns what was bound here, each as `sourceNo key`
 */
export async function releaseEvents(
  db: Db,
  rows: readonly (Pick<Releasable, "sourceNo" | "key" | "instanceNo" | "occurred"> & { billHour: Micros })[],
  now: Micros,
): Promise<Set<string>> {
  const { rows: released } = await db.query<{ key: string; sourceNo: number }>(
    `WITH batch AS (
       SELECT * FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::timestamptz[]) AS t (source_no, key, instance_no, bill_hour)
     ), mine AS (
       SELECT q.source_no, q.key FROM quarantine q JOIN batch USING (source_no, key)
       WHERE q.released_at IS NULL AND q.written_off_at IS NULL ORDER BY q.source_no, q.key FOR UPDATE OF q SKIP LOCKED
     ), freed AS (
       UPDATE quarantine q SET released_at = $5::timestamptz FROM mine WHERE q.source_no = mine.source_no AND q.key = mine.key
     )
     UPDATE events e SET instance_no = batch.instance_no, bill_hour = batch.bill_hour
     FROM batch JOIN mine USING (source_no, key)
     WHERE e.source_no = batch.source_no AND e.key = batch.key AND e.instance_no IS NULL
     RETURNING e.source_no AS "sourceNo", e.key`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map((row) => row.instanceNo),
      rows.map((row) => (row.billHour === hourOf(row.occurred) ? null : stamp(row.billHour))),
      stamp(now),
    ],
  );
  return new Set(released.map(({ sourceNo, key }) => `${sourceNo} ${key}`));
}

/** Changes why events wait: the instance is known by now, but its meter cannot count them. */
export async function changeReason(
  db: Db,
  rows: readonly Pick<Quarantined, "sourceNo" | "key" | "reason">[],
): Promise<void> {
  await db.query(
    `UPDATE quarantine q SET reason = t.reason
     FROM unnest($1::integer[], $2::uuid[], $3::text[]) AS t (source_no, key, reason)
     WHERE q.source_no = t.source_no AND q.key = t.key`,
    [rows.map((row) => row.sourceNo), rows.map((row) => row.key), rows.map((row) => row.reason)],
  );
}

export interface QuarantineCount {
  reason: QuarantineReason;
  subject: string;
  meter: string;
  events: number;
  since: Micros;
}

/** What waits in quarantine, by reason, subject and meter. */
export async function countQuarantine(db: Db, limit: number): Promise<QuarantineCount[]> {
  const { rows } = await db.query<QuarantineCount>(
    `SELECT reason, subject, meter, count(*) AS events, min(quarantined_at) AS since FROM quarantine
     WHERE released_at IS NULL AND written_off_at IS NULL GROUP BY reason, subject, meter ORDER BY count(*) DESC, subject, meter LIMIT $1::integer`,
    [limit],
  );
  return rows;
}
