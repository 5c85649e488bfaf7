import { hourOf, valueKey, type FoldedBatch, type HourAddition, type Micros } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";

/** Raises standing maxima. @returns what each candidate adds to its hour */
export async function addMaxima(db: Db, { maxima }: FoldedBatch): Promise<HourAddition[]> {
  if (maxima.length === 0) return [];
  const { rows } = await db.query<{ added: string; instanceNo: number; originHour: Micros }>(
    `INSERT INTO standing_max AS s (instance_no, origin_hour, value)
     SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::numeric[]) AS t (i, h, v) ORDER BY i, h
     ON CONFLICT (instance_no, origin_hour) DO UPDATE SET previous = s.value, value = greatest(s.value, excluded.value)
     RETURNING instance_no AS "instanceNo", origin_hour AS "originHour", value - previous AS added`,
    [
      maxima.map((row) => row.instanceNo),
      stamps(maxima.map((row) => row.originHour)),
      maxima.map((row) => row.quantity),
    ],
  );
  return withAdded(maxima, rows);
}

/** Records values as seen. @returns how many new ones each candidate adds to its hour */
export async function addUniques(db: Db, { uniques }: FoldedBatch): Promise<HourAddition[]> {
  if (uniques.length === 0) return [];
  const flat = uniques.flatMap((row) => row.valueKeys.map((valueKey) => ({ ...row, valueKey })));
  const { rows } = await db.query<{ added: string; instanceNo: number; originHour: Micros }>(
    `WITH fresh AS (
       INSERT INTO standing_values (instance_no, origin_hour, value_key)
       SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::uuid[]) AS t (i, h, k) ORDER BY i, h, k
       ON CONFLICT DO NOTHING RETURNING instance_no, origin_hour
     )
     SELECT instance_no AS "instanceNo", origin_hour AS "originHour", count(*)::text AS added FROM fresh GROUP BY 1, 2`,
    [
      flat.map((row) => row.instanceNo),
      stamps(flat.map((row) => row.originHour)),
      flat.map((row) => row.valueKey),
    ],
  );
  return withAdded(uniques, rows);
}

function withAdded(
  candidates: readonly HourAddition[],
  rows: readonly { added: string; instanceNo: number; originHour: Micros }[],
): HourAddition[] {
  const added = new Map(rows.map((row) => [`${row.instanceNo} ${row.originHour}`, row.added]));
  return candidates.map(({ shard, billHour, instanceNo, originHour, events }) => {
    const quantity = added.get(`${instanceNo} ${originHour}`) ?? "0";
    return { shard, billHour, instanceNo, originHour, events, quantity };
  });
}

/** Restores what max and unique meters have seen: later events of the same origin hour are compared with it. */
export async function restoreStanding(
  db: Db,
  accountNo: number,
  events: readonly { instance: string; time: Micros; quantity: string | null; value: string | null }[],
): Promise<void> {
  await db.query(
    `INSERT INTO standing_max AS s (instance_no, origin_hour, value)
     SELECT i.instance_no, t.origin, max(t.quantity)
     FROM unnest($2::text[], $3::timestamptz[], $4::numeric[]) AS t (instance, origin, quantity)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN meters m ON m.meter_no = i.meter_no AND m.aggregation = 'max'
     GROUP BY i.instance_no, t.origin
     ON CONFLICT (instance_no, origin_hour) DO UPDATE SET previous = s.value, value = greatest(s.value, excluded.value)`,
    [
      accountNo,
      events.map(({ instance }) => instance),
      stamps(events.map(({ time }) => hourOf(time))),
      events.map(({ quantity }) => quantity),
    ],
  );
  const valued = events.filter(({ value }) => value !== null);
  await db.query(
    `INSERT INTO standing_values (instance_no, origin_hour, value_key)
     SELECT DISTINCT i.instance_no, t.origin, t.value_key
     FROM unnest($2::text[], $3::timestamptz[], $4::uuid[]) AS t (instance, origin, value_key)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN meters m ON m.meter_no = i.meter_no AND m.aggregation = 'unique' ON CONFLICT DO NOTHING`,
    [
      accountNo,
      valued.map(({ instance }) => instance),
      stamps(valued.map(({ time }) => hourOf(time))),
      valued.map(({ value }) => valueKey(value!)),
    ],
  );
}

/**
 * Removes standing values that no event can be compared with any longer: an event that waits is compared with those
 * of its origin hour when it is finally counted. @returns how many rows
 */
export async function thinStanding(db: Db, before: Micros, limit: number): Promise<number> {
  let removed = 0;
  for (const table of ["standing_max", "standing_values"]) {
    const { rowCount } = await db.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE origin_hour < least($1::timestamptz,
         (SELECT min(date_trunc('hour', e.occurred)) FROM quarantine q JOIN events e USING (source_no, key)
          WHERE q.released_at IS NULL)) LIMIT $2::integer))`,
      [stamp(before), limit],
    );
    removed += rowCount ?? 0;
  }
  return removed;
}
