import {
  floorSecond,
  shardOf,
  type Aggregation,
  type BillingCycle,
  type Interval,
  type Micros,
} from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { ensureMeter } from "./meters.js";

/** What a customer bought: one pay-per-use billing item. */
export interface Instance {
  instanceNo: number;
  accountNo: number;
  instanceId: string;
  product: string;
  meter: string;
  subject: string;
  shard: number;
  cycle: BillingCycle;
  opened: Micros;
  closed: Micros | null;
}

export type NewInstance = Pick<
  Instance,
  "accountNo" | "instanceId" | "product" | "meter" | "subject" | "opened"
> & {
  cycle?: BillingCycle;
};

export type AddedInstance =
  | { outcome: "created" | "unchanged"; instance: Instance }
  | { outcome: "exists_otherwise" | "overlaps"; instance: Instance }
  | { outcome: "unknown_meter" };

const SELECT = `SELECT i.instance_no AS "instanceNo", i.account_no AS "accountNo", i.instance_id AS "instanceId", i.product,
  m.code AS meter, i.subject, i.shard, i.cycle, i.opened, i.closed FROM instances i JOIN meters m USING (meter_no)`;

/**
 * Adds an instance. Lives of one (subject, meter) may not overlap: `overlaps` returns the conflicting one. The same
 * instance again is `unchanged`; another one with the same id is `exists_otherwise`.
 */
export async function addInstance(pool: Pool, instance: NewInstance, now: Micros): Promise<AddedInstance> {
  return inTransaction(pool, async (client) => {
    const meter = await client.query<{ no: number }>(
      "SELECT meter_no AS no FROM meters WHERE code = $1::text",
      [instance.meter],
    );
    const meterNo = meter.rows[0]?.no;
    if (meterNo === undefined) return { outcome: "unknown_meter" };
    // One writer per (account, subject, meter), because two concurrent ones could not see each other's rows.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", [
      `instance ${instance.accountNo} ${meterNo} ${instance.subject}`,
    ]);
    const existing = await findInstance(client, instance.accountNo, instance.instanceId);
    if (existing)
      return {
        outcome: sameInstance(existing, instance) ? "unchanged" : "exists_otherwise",
        instance: existing,
      };
    const inTheWay = await client.query<Instance>(
      `${SELECT} WHERE i.account_no = $1::smallint AND i.subject = $2::text AND i.meter_no = $3::integer
         AND (i.closed IS NULL OR i.closed > $4::timestamptz) ORDER BY i.opened LIMIT 1`,
      [instance.accountNo, instance.subject, meterNo, stamp(instance.opened)],
    );
    if (inTheWay.rows[0]) return { outcome: "overlaps", instance: inTheWay.rows[0] };
    const instanceNo = await insertInstance(client, { ...instance, meterNo }, now);
    const made = (await findInstance(client, instance.accountNo, instance.instanceId))!;
    // Another life with the same id was created at the same time.
    if (instanceNo === undefined) return { outcome: "exists_otherwise", instance: made };
    return { outcome: "created", instance: made };
  });
}

/** Inserts an instance. @returns its number; undefined if the account has the id already. */
export async function insertInstance(
  db: Db,
  instance: Omit<NewInstance, "meter"> & { meterNo: number },
  now: Micros,
): Promise<number | undefined> {
  const { rows } = await db.query<{ no: number }>(
    `INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::integer, $5::text, $6::smallint, $7::text, $8::timestamptz, $9::timestamptz)
     ON CONFLICT (account_no, instance_id) DO NOTHING RETURNING instance_no AS no`,
    [
      instance.accountNo,
      instance.instanceId,
      instance.product,
      instance.meterNo,
      instance.subject,
      shardOf(instance.instanceId),
      instance.cycle ?? "hourly",
      stamp(instance.opened),
      stamp(now),
    ],
  );
  return rows[0]?.no;
}

function sameInstance(a: Instance, b: NewInstance): boolean {
  return (
    a.product === b.product &&
    a.meter === b.meter &&
    a.subject === b.subject &&
    a.opened === b.opened &&
    a.cycle === (b.cycle ?? "hourly")
  );
}

/** The instance of an account with this marketplace id; undefined if there is none. */
export async function findInstance(
  db: Db,
  accountNo: number,
  instanceId: string,
): Promise<Instance | undefined> {
  const { rows } = await db.query<Instance>(
    `${SELECT} WHERE i.account_no = $1::smallint AND i.instance_id = $2::text`,
    [accountNo, instanceId],
  );
  return rows[0];
}

/** Instances by id, `limit` of them after the id `after`. */
export async function listInstances(
  db: Db,
  accountNo: number,
  after: string,
  limit: number,
): Promise<Instance[]> {
  const { rows } = await db.query<Instance>(
    `${SELECT} WHERE i.account_no = $1::smallint AND i.instance_id > $2::text ORDER BY i.instance_id LIMIT $3::integer`,
    [accountNo, after, limit],
  );
  return rows;
}

/** Ends a life, once; returns the instance afterwards. Later usage waits in quarantine. */
export async function closeInstance(
  db: Db,
  accountNo: number,
  instanceId: string,
  closed: Micros,
): Promise<Instance | undefined> {
  await db.query(
    `UPDATE instances SET closed = $3::timestamptz
     WHERE account_no = $1::smallint AND instance_id = $2::text AND closed IS NULL AND opened < $3::timestamptz`,
    [accountNo, instanceId, stamp(closed)],
  );
  return findInstance(db, accountNo, instanceId);
}

/**
 * Ends a life in the second of a time, once. A life lasts at least a second: a release in the second of the opening
 * ends it at the end of that second.
 */
export async function endInstance(db: Db, accountNo: number, instanceId: string, now: Micros): Promise<void> {
  await db.query(
    `UPDATE instances SET closed = greatest($3::timestamptz, opened + interval '1 second')
     WHERE account_no = $1::smallint AND instance_id = $2::text AND closed IS NULL`,
    [accountNo, instanceId, stamp(floorSecond(now))],
  );
}

/**
 * Stops the billing of a live instance from this second on; does nothing if it is suspended. Suspensions of one
 * instance never overlap: a second one in the same second begins where the first ended.
 */
export async function suspendInstance(
  db: Db,
  accountNo: number,
  instanceId: string,
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO instance_suspensions (instance_no, suspended_from)
     SELECT i.instance_no, greatest($3::timestamptz, i.opened,
       (SELECT max(suspended_to) FROM instance_suspensions s WHERE s.instance_no = i.instance_no))
     FROM instances i WHERE i.account_no = $1::smallint AND i.instance_id = $2::text AND i.closed IS NULL
       AND NOT EXISTS (
         SELECT 1 FROM instance_suspensions s WHERE s.instance_no = i.instance_no AND s.suspended_to IS NULL)`,
    [accountNo, instanceId, stamp(floorSecond(now))],
  );
}

/** Bills an instance again from this second on, at least a second after its suspension began. */
export async function resumeInstance(
  db: Db,
  accountNo: number,
  instanceId: string,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE instance_suspensions s SET suspended_to = greatest($3::timestamptz, s.suspended_from + interval '1 second')
     FROM instances i WHERE i.account_no = $1::smallint AND i.instance_id = $2::text
       AND s.instance_no = i.instance_no AND s.suspended_to IS NULL`,
    [accountNo, instanceId, stamp(floorSecond(now))],
  );
}

/** The suspensions of instances; one that lasts ends at Infinity. */
async function findSuspensions(db: Db, instanceNos: readonly number[]): Promise<Map<number, Interval[]>> {
  const { rows } = await db.query<{ instanceNo: number; begin: Micros; end: Micros | null }>(
    `SELECT instance_no AS "instanceNo", suspended_from AS begin, suspended_to AS "end" FROM instance_suspensions
     WHERE instance_no = ANY ($1::integer[])`,
    [instanceNos],
  );
  const suspensions = new Map<number, Interval[]>();
  for (const { instanceNo, begin, end } of rows) {
    suspensions.set(instanceNo, [...(suspensions.get(instanceNo) ?? []), { begin, end: end ?? Infinity }]);
  }
  return suspensions;
}

/** What the aggregator needs to bind usage. */
export interface Binding {
  instanceNo: number;
  /** Code of its account. */
  account: string;
  subject: string;
  meter: string;
  shard: number;
  opened: Micros;
  closed: Micros | null;
  /** Its suspensions; one that lasts ends at Infinity. */
  suspensions: readonly Interval[];
}

/** All lives of the given subjects, in any account and for any meter; a subject without any is left out. */
export async function findBindings(db: Db, subjects: readonly string[]): Promise<Binding[]> {
  const { rows } = await db.query<Omit<Binding, "suspensions">>(
    `SELECT i.instance_no AS "instanceNo", a.code AS account, i.subject, m.code AS meter, i.shard, i.opened, i.closed
     FROM unnest($1::text[]) AS wanted (subject)
     JOIN instances i USING (subject) JOIN meters m USING (meter_no) JOIN accounts a USING (account_no)`,
    [subjects],
  );
  const suspensions = await findSuspensions(
    db,
    rows.map((row) => row.instanceNo),
  );
  return rows.map((row) => ({ ...row, suspensions: suspensions.get(row.instanceNo) ?? [] }));
}

/** An instance as named in an export. */
export interface RestoredInstance {
  instance: string;
  product: string;
  meter: string;
  aggregation: Aggregation;
  unit: string;
  scale: number;
  cycle: BillingCycle;
  subject: string;
  opened: Micros;
}

/** Creates the instances and meters that an older database lacks, as they were. */
export async function restoreInstances(
  db: Db,
  accountNo: number,
  rows: readonly RestoredInstance[],
  now: Micros,
): Promise<void> {
  for (const { instance: instanceId, aggregation, unit, scale, ...row } of rows) {
    const { meter } = await ensureMeter(db, { code: row.meter, aggregation, unit, scale }, now);
    await insertInstance(db, { ...row, accountNo, instanceId, meterNo: meter.meterNo }, now);
  }
}
