import { hourOf, keyIsId, payloadHash, type Micros } from "@quarterpast/domain";
import pg from "pg";
import { boolArray, int4Array, numericArray, timestamptzArray, uuidArray } from "../db/binaryArray.js";
import { stamp, stamps, type Db } from "../db/database.js";

/** One event as stored: counted if it has an instance and a bill hour, else waiting in quarantine. */
export interface EventRow {
  sourceNo: number;
  key: string;
  /** Null if the key is the id. */
  id: string | null;
  /** Null if it follows from the row: see storedPayloadHash. */
  payloadHash: string | null;
  subject: string;
  meter: string;
  occurred: Micros;
  instanceNo: number | null;
  billHour: Micros | null;
  quantity: string | null;
  value: string | null;
  /** Code of the account that it names; also in `extensions`. */
  account: string | null;
  extensions: string | null;
}

/**
 * Inserts events, each once: `rows` sorted by (source, key) and without duplicates among themselves.
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
 * {@link insertEvents} for rows that are all new, at six tenths of its cost, because it does not check first.
 * @returns an empty list.
 * @throws an error recognized by {@link isRepeat} if an event exists: the transaction is void then.
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

/** Whether an insert met an existing event. */
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

/** Side by side in the list of columns, where they are streamed; as a table they would all be stored first. */
const rowsOf = (types: readonly string[]): string =>
  `SELECT ${types.map((type, at) => `unnest($${at + 1}::${type}[])`).join(", ")}`;
const FRESH_PLAIN = `INSERT INTO events (${PLAIN}) ${rowsOf(PLAIN_TYPES)}`;
const FRESH_ANY = `INSERT INTO events (${ANY}) ${rowsOf(ANY_TYPES)}`;

/** How many were inserted; and which, only if not all were, which is rare. */
const insertOnce = (columns: string, types: readonly string[]): string => `
  WITH inserted AS (
    INSERT INTO events (${columns}) ${rowsOf(types)}
    ON CONFLICT (source_no, key, timed) DO NOTHING RETURNING source_no, key
  ), total AS (SELECT count(*)::integer AS n FROM inserted)
  SELECT NULL::integer AS "sourceNo", NULL::uuid AS key, n AS inserted FROM total
  UNION ALL SELECT source_no, key, 0 FROM inserted, total WHERE n < $${types.length + 1}::integer`;
const INSERT_PLAIN = insertOnce(PLAIN, PLAIN_TYPES);
const INSERT_ANY = insertOnce(ANY, ANY_TYPES);

/** An event's row with the subject and meter of its instance: everything covered by its payload hash. */
export interface PayloadRow {
  subject: string;
  meter: string;
  time: Micros;
  quantity: string | null;
  value: string | null;
  /** Code of the account that it names. */
  account: string | null;
  /** Stored if it does not follow from the row: for a correction, and for an event that waited in quarantine. */
  payloadHash: string | null;
}

/** The payload hash of a stored event. */
export function storedPayloadHash(row: PayloadRow): string {
  if (row.payloadHash !== null) return row.payloadHash;
  const { subject, meter, time, quantity, value, account } = row;
  return payloadHash({
    subject,
    meter,
    time,
    quantity: quantity ?? undefined,
    value: value ?? undefined,
    account: account ?? undefined,
  });
}

/** SQL of the account that an event `e` names. */
export const NAMED_ACCOUNT = "e.extensions ->> 'account'";

/** Among events that existed already, those with another payload: the same id with other usage. */
export async function findConflicting(db: Db, rows: readonly EventRow[]): Promise<EventRow[]> {
  if (rows.length === 0) return [];
  const { rows: present } = await db.query<PayloadRow & { position: number }>(
    `SELECT (position - 1)::integer AS position, i.subject, m.code AS meter, e.occurred AS time, e.quantity::text, e.value,
       e.payload_hash AS "payloadHash", ${NAMED_ACCOUNT} AS account
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

/** The hour to which late usage rolled forward; null if an event is billed in its own. */
function rolledTo({ billHour, occurred }: EventRow): Micros | null {
  return billHour === hourOf(occurred) ? null : billHour;
}

/** Records conflicts; the first event is unchanged and no sum changes. */
export async function insertConflicts(db: Db, rows: readonly EventRow[], now: Micros): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO conflicts (source_no, key, payload_hash, subject, meter, occurred, quantity, value, account, found_at)
     SELECT *, $10::timestamptz FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
       $7::numeric[], $8::text[], $9::text[]) ON CONFLICT DO NOTHING`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map(hashOfRow),
      rows.map((row) => row.subject),
      rows.map((row) => row.meter),
      stamps(rows.map((row) => row.occurred)),
      rows.map((row) => row.quantity),
      rows.map((row) => row.value),
      rows.map((row) => row.account),
      stamp(now),
    ],
  );
}

/** What identifies an event among all of the seller. */
export interface EventName {
  sourceNo: number;
  key: string;
}

/** The name as a text, to use as a key. */
export const nameOf = ({ sourceNo, key }: EventName): string => `${sourceNo} ${key}`;

/**
 * Binds events that had no instance. A correction counts for its difference, at the time of the mistaken event.
 * @returns what was bound here, each as `sourceNo key`
 */
export async function bindEvents(
  db: Db,
  rows: readonly (EventName & { instanceNo: number; occurred: Micros; billHour: Micros; delta?: string })[],
): Promise<Set<string>> {
  const { rows: bound } = await db.query<EventName>(
    `UPDATE events e SET instance_no = t.instance_no, bill_hour = t.bill_hour, occurred = t.occurred,
       quantity = COALESCE(t.delta, e.quantity)
     FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::numeric[])
       AS t (source_no, key, instance_no, bill_hour, occurred, delta)
     WHERE e.source_no = t.source_no AND e.key = t.key AND e.instance_no IS NULL
     RETURNING e.source_no AS "sourceNo", e.key`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map((row) => row.instanceNo),
      rows.map((row) => (row.billHour === hourOf(row.occurred) ? null : stamp(row.billHour))),
      stamps(rows.map((row) => row.occurred)),
      rows.map((row) => row.delta ?? null),
    ],
  );
  return new Set(bound.map(nameOf));
}

/** An event as named in an export. */
export interface RestoredEvent {
  source: string;
  id: string;
  key: string;
  instance: string;
  meter: string;
  payloadHash: string;
  time: Micros;
  quantity: string | null;
  value: string | null;
  /** The account that it names, if it names one. */
  accountNamed: string | null;
}

/** Restores events of an hour as counted; one that waited in the backup is bound as it was later. */
export async function insertRestored(
  db: Db,
  accountNo: number,
  hour: Micros,
  events: readonly RestoredEvent[],
  sourceNos: readonly number[],
): Promise<void> {
  await db.query(
    `INSERT INTO events AS e (source_no, instance_no, key, timed, payload_hash, occurred, bill_hour, quantity, value, id, extensions)
     SELECT t.source_no, i.instance_no, t.key, is_timed(t.key), t.payload_hash, t.occurred,
       NULLIF($11::timestamptz, billed_in(NULL, t.occurred)), t.quantity, t.value, t.id,
       CASE WHEN t.named IS NOT NULL THEN jsonb_build_object('account', t.named) END
     FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[], $10::text[])
       AS t (source_no, instance, key, payload_hash, occurred, quantity, value, id, named)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     ORDER BY t.source_no, t.key
     ON CONFLICT (source_no, key, timed) DO UPDATE SET instance_no = excluded.instance_no, bill_hour = excluded.bill_hour,
       -- A correction that waited counts for the difference that it made, when the mistaken event was.
       quantity = excluded.quantity, occurred = excluded.occurred
       WHERE e.instance_no IS NULL`,
    [
      accountNo,
      sourceNos,
      events.map(({ instance }) => instance),
      events.map(({ key }) => key),
      events.map(({ payloadHash }) => payloadHash),
      stamps(events.map(({ time }) => time)),
      events.map(({ quantity }) => quantity),
      events.map(({ value }) => value),
      events.map(({ key, id }) => (keyIsId(key) ? null : id)),
      events.map(({ accountNamed }) => accountNamed),
      stamp(hour),
    ],
  );
}
