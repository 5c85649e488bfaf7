import { HOUR, type EventCore, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { NAMED_ACCOUNT, storedPayloadHash, type PayloadRow } from "../usage/events.js";
import { readAll } from "../db/cursor.js";
import type { HourScope } from "./scope.js";

type EventRow = Omit<EventCore, "account" | "instance" | "meter"> & { instanceId: string };

/** The events of an hour, requested instance by instance in the order of their ids. */
export interface EventReader {
  of(instanceId: string): AsyncGenerator<EventRow[]>;
}

/**
 * Reads the events that an hour bills, by instance id, source and key. There is no index by bill hour, because it
 * would cost every event at least 16 bytes; the block ranges of the hour's origin hours are read instead, in one
 * pass.
 */
export async function readEvents(db: Db, scope: HourScope): Promise<EventReader> {
  const ranges = joinHours(await readOrigins(db, scope));
  const batches =
    ranges.length === 0
      ? none()
      : readAll<EventRow & PayloadRow>(db, "hour_events", EVENTS(ranges.length), [
          scope.accountNo,
          stamp(scope.hour),
          ...ranges.flatMap(({ from, to }) => [stamp(from), stamp(to)]),
        ]);
  const next = async (): Promise<EventRow[]> => {
    const batch = (await batches.next()).value as (EventRow & PayloadRow)[] | undefined;
    return (batch ?? []).map((row) => ({
      ...row,
      accountNamed: row.account,
      payloadHash: storedPayloadHash(row),
    }));
  };
  let waiting: EventRow[] = [];
  return {
    async *of(instanceId) {
      for (;;) {
        if (waiting.length === 0) waiting = await next();
        if (waiting.length === 0) return;
        // Skips events of an instance without usage in the hour: their usage line will show that they are missing.
        const from = waiting.findIndex((row) => row.instanceId >= instanceId);
        if (from < 0) {
          waiting = [];
          continue;
        }
        const end = waiting.findIndex((row) => row.instanceId > instanceId);
        const mine = waiting.slice(from, end < 0 ? undefined : end);
        waiting = end < 0 ? [] : waiting.slice(end);
        if (mine.length > 0) yield mine;
        if (end >= 0) return;
      }
    },
  };
}

async function* none(): AsyncGenerator<EventRow[]> {}

async function readOrigins(db: Db, { accountNo, hour }: HourScope): Promise<Micros[]> {
  const { rows } = await db.query<{ origin: Micros }>(
    `SELECT DISTINCT u.origin_hour AS origin FROM hour_usage u JOIN instances i USING (instance_no)
     WHERE u.shard >= 0 AND u.bill_hour = $2::timestamptz AND i.account_no = $1::smallint ORDER BY 1`,
    [accountNo, stamp(hour)],
  );
  return rows.map(({ origin }) => origin);
}

/** Consecutive hours as one range. */
export function joinHours(hours: readonly Micros[]): { from: Micros; to: Micros }[] {
  const ranges: { from: Micros; to: Micros }[] = [];
  for (const hour of hours) {
    const last = ranges.at(-1);
    if (last?.to === hour) last.to += HOUR;
    else ranges.push({ from: hour, to: hour + HOUR });
  }
  return ranges;
}

const EVENTS = (ranges: number): string => `
  SELECT i.instance_id AS "instanceId", s.source, COALESCE(e.id, e.key::text) AS id, e.key, e.occurred AS time,
    e.quantity::text, e.value, e.payload_hash AS "payloadHash", ${NAMED_ACCOUNT} AS account, i.subject, m.code AS meter
  FROM events e JOIN instances i USING (instance_no) JOIN meters m USING (meter_no) JOIN sources s USING (source_no)
  WHERE i.account_no = $1::smallint AND billed_in(e.bill_hour, e.occurred) = $2::timestamptz AND (${Array.from(
    { length: ranges },
    (_, at) => `(e.occurred >= $${at * 2 + 3}::timestamptz AND e.occurred < $${at * 2 + 4}::timestamptz)`,
  ).join(" OR ")})
  ORDER BY i.instance_id COLLATE "C", s.source COLLATE "C", e.key`;
