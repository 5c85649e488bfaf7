import type { Micros } from "@quarterpast/domain";
import { inTransaction, stamp, type Pool } from "../db/database.js";
import { allowLongReads } from "./manifests.js";

/** What differs: the hour's usage from its events, its number of events, or what was filed from its usage. */
export const REBUILD_PROBLEMS = ["usage", "events", "filed"] as const;

/** A difference between a sealed hour computed again and the ledger. */
export interface RebuildDifference {
  problem: (typeof REBUILD_PROBLEMS)[number];
  instanceId: string;
  /** Origin hour of the events, if it is about them. */
  origin: Micros | null;
  /** Decimal texts: computed again, and in the ledger. */
  rebuilt: string;
  stands: string;
}

export interface RebuiltHour {
  hour: Micros;
  instances: number;
  events: number;
  records: number;
  differences: RebuildDifference[];
}

/** Hours of a span that are sealed, with all records of an account frozen, in every shard; in order. */
export async function listFrozenHours(
  pool: Pool,
  accountNo: number,
  from: Micros,
  to: Micros,
): Promise<Micros[]> {
  const { rows } = await pool.query<{ hour: Micros }>(
    `SELECT hour FROM hours h WHERE hour >= $1::timestamptz AND hour < $2::timestamptz
     GROUP BY hour HAVING bool_and(frozen_at IS NOT NULL OR (divided_at IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM account_hours a WHERE a.account_no = $3::smallint AND a.shard = h.shard AND a.hour = h.hour
         AND a.frozen_at IS NULL))) ORDER BY hour`,
    [stamp(from), stamp(to), accountNo],
  );
  return rows.map(({ hour }) => hour);
}

/**
 * Computes one sealed hour of an account again from its events, and compares it with the ledger: usage by origin
 * hour, and what was filed. Only reads. Needs no manifest, but the hour's events.
 */
export async function rebuildHour(pool: Pool, accountNo: number, hour: Micros): Promise<RebuiltHour> {
  return inTransaction(pool, async (db) => {
    await allowLongReads(db);
    const { rows } = await db.query<RebuiltHour>(REBUILD, [accountNo, stamp(hour)]);
    return { ...rows[0]!, hour };
  });
}

/**
 * Events of the hour's origin hours, including those that earlier hours billed: for max and unique meters, only what
 * this hour added to them counts. A correcting event counts for its difference.
 */
const REBUILD = `
  WITH used AS (
    SELECT u.instance_no, u.origin_hour, u.quantity, u.events FROM hour_usage u JOIN instances i USING (instance_no)
    WHERE u.shard >= 0 AND u.bill_hour = $2::timestamptz AND i.account_no = $1::smallint
  ), counted AS MATERIALIZED (
    SELECT e.instance_no, date_trunc('hour', e.occurred, 'UTC') AS origin_hour, billed_in(e.bill_hour, e.occurred) AS bill_hour, e.quantity, e.value,
      COALESCE(x.delta, 1) AS one
    FROM events e JOIN instances i USING (instance_no)
    LEFT JOIN corrections x ON x.source_no = e.source_no AND x.key = e.key
    WHERE i.account_no = $1::smallint AND billed_in(e.bill_hour, e.occurred) <= $2::timestamptz
      AND e.occurred >= (SELECT min(origin_hour) FROM used) AND e.occurred < (SELECT max(origin_hour) + interval '1 hour' FROM used)
  ), made AS (
    SELECT c.instance_no, c.origin_hour, count(*) FILTER (WHERE now) AS events,
      CASE m.aggregation
        WHEN 'sum' THEN sum(c.quantity) FILTER (WHERE now)
        WHEN 'count' THEN sum(c.one) FILTER (WHERE now)
        WHEN 'max' THEN max(c.quantity) - COALESCE(max(c.quantity) FILTER (WHERE NOT now), 0)
        ELSE count(DISTINCT c.value) - count(DISTINCT c.value) FILTER (WHERE NOT now) END AS quantity
    FROM (SELECT *, bill_hour = $2::timestamptz AS now FROM counted) c
    JOIN instances i USING (instance_no) JOIN meters m USING (meter_no)
    GROUP BY c.instance_no, c.origin_hour, m.aggregation HAVING bool_or(now)
  ), compared AS (
    SELECT instance_no, origin_hour, COALESCE(made.quantity, 0) AS made, COALESCE(used.quantity, 0) AS used,
      COALESCE(made.events, 0) AS events_made, COALESCE(used.events, 0) AS events_used
    FROM made FULL JOIN used USING (instance_no, origin_hour)
  ), sums AS (
    SELECT instance_no, sum(made) AS made FROM compared GROUP BY instance_no
  ), filed AS (
    SELECT r.instance_no, sum(r.quantity - COALESCE(r.carried, 0)) AS quantity, count(*) AS records FROM records r
    WHERE r.account_no = $1::smallint AND r.hour = $2::timestamptz AND r.kind <> 'rereport' GROUP BY r.instance_no
  ), balanced AS (
    SELECT COALESCE(s.instance_no, f.instance_no) AS instance_no, COALESCE(s.made, 0) + carried.residue - COALESCE(n.quantity, 0) - kept.residue AS made,
      COALESCE(f.quantity, 0) AS filed
    FROM sums s FULL JOIN filed f USING (instance_no)
    LEFT JOIN unbillable n ON n.instance_no = COALESCE(s.instance_no, f.instance_no) AND n.hour = $2::timestamptz
    CROSS JOIN LATERAL (
      SELECT COALESCE((SELECT residue FROM residues r WHERE r.instance_no = COALESCE(s.instance_no, f.instance_no)
        AND r.hour < $2::timestamptz ORDER BY r.hour DESC LIMIT 1), 0) AS residue
    ) carried
    CROSS JOIN LATERAL (
      SELECT COALESCE((SELECT residue FROM residues r WHERE r.instance_no = COALESCE(s.instance_no, f.instance_no)
        AND r.hour <= $2::timestamptz ORDER BY r.hour DESC LIMIT 1), 0) AS residue
    ) kept
  ), differences AS (
    SELECT 'usage' AS problem, instance_no, origin_hour, made AS rebuilt, used AS stands FROM compared WHERE made <> used
    UNION ALL
    SELECT 'events', instance_no, origin_hour, events_made, events_used FROM compared WHERE events_made <> events_used
    UNION ALL
    SELECT 'filed', instance_no, NULL, made, filed FROM balanced WHERE made <> filed
  )
  SELECT (SELECT count(DISTINCT instance_no) FROM compared) AS instances, (SELECT COALESCE(sum(events_made), 0)::bigint FROM compared) AS events,
    (SELECT COALESCE(sum(records), 0)::bigint FROM filed) AS records,
    COALESCE((SELECT json_agg(json_build_object('problem', d.problem, 'instanceId', i.instance_id,
        'origin', (extract(epoch FROM d.origin_hour) * 1000000)::bigint, 'rebuilt', trim_scale(d.rebuilt)::text,
        'stands', trim_scale(d.stands)::text) ORDER BY i.instance_id, d.problem, d.origin_hour)
      FROM differences d JOIN instances i USING (instance_no)), '[]') AS differences`;
