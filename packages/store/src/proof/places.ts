import { createHourGatherer, eventKey, eventLeaf, type EventCore, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { NAMED_ACCOUNT, storedPayloadHash, type PayloadRow } from "../usage/events.js";
import { joinHours } from "./eventLines.js";
import { readHourLines } from "./hourLines.js";
import type { HourScope } from "./scope.js";

/** Where an event was counted. */
export interface EventPlace {
  key: string;
  source: string;
  instanceNo: number;
  instanceId: string;
  meter: string;
  billHour: Micros;
}

/** The place of a counted event; undefined if there is none, or if it waits in quarantine. */
export async function findEventPlace(
  db: Db,
  accountNo: number,
  source: string,
  id: string,
): Promise<EventPlace | undefined> {
  const { rows } = await db.query<EventPlace>(
    `SELECT e.key, s.source, e.instance_no AS "instanceNo", i.instance_id AS "instanceId", m.code AS meter,
       billed_in(e.bill_hour, e.occurred) AS "billHour"
     FROM sources s JOIN events e USING (source_no) JOIN instances i USING (instance_no) JOIN meters m USING (meter_no)
     WHERE i.account_no = $1::smallint AND s.source = $2::text AND e.key = $3::uuid AND e.timed = is_timed($3::uuid)`,
    [accountNo, source, eventKey(id)],
  );
  return rows[0];
}

/** A record's place in its chain. */
export async function findRecordPlace(
  db: Db,
  accountNo: number,
  sn: string,
): Promise<{ shard: number; seq: number; hour: Micros } | undefined> {
  const { rows } = await db.query<{ shard: number; seq: number; hour: Micros }>(
    "SELECT shard, seq, hour FROM records WHERE account_no = $1::smallint AND sn = $2::text",
    [accountNo, sn],
  );
  return rows[0];
}

/** The canonical events of one instance's hour, in the order of its tree, all in memory. */
export async function readInstanceLeaves(
  db: Db,
  { account, hour }: Pick<HourScope, "account" | "hour">,
  { instanceNo, instanceId, meter }: Pick<EventPlace, "instanceNo" | "instanceId" | "meter">,
): Promise<string[]> {
  const origins = await db.query<{ origin: Micros }>(
    `SELECT origin_hour AS origin FROM hour_usage WHERE shard >= 0 AND bill_hour = $1::timestamptz
       AND instance_no = $2::integer ORDER BY 1`,
    [stamp(hour), instanceNo],
  );
  const ranges = joinHours(origins.rows.map(({ origin }) => origin));
  const { rows } = await db.query<
    Omit<EventCore, "account" | "instance" | "meter" | "payloadHash"> & Omit<PayloadRow, "account">
  >(
    `SELECT s.source, COALESCE(e.id, e.key::text) AS id, e.key, e.occurred AS time, e.quantity::text, e.value,
       e.payload_hash AS "payloadHash", ${NAMED_ACCOUNT} AS "accountNamed", i.subject
     FROM unnest($3::timestamptz[], $4::timestamptz[]) AS r (low, high)
     JOIN events e ON e.occurred >= r.low AND e.occurred < r.high JOIN sources s USING (source_no)
     JOIN instances i USING (instance_no)
     WHERE e.instance_no = $1::integer AND billed_in(e.bill_hour, e.occurred) = $2::timestamptz
     ORDER BY s.source COLLATE "C", e.key`,
    [instanceNo, stamp(hour), ranges.map(({ from }) => stamp(from)), ranges.map(({ to }) => stamp(to))],
  );
  return rows.map((row) => {
    const payloadHash = storedPayloadHash({ ...row, meter, account: row.accountNamed });
    return eventLeaf({ ...row, payloadHash, account, instance: instanceId, meter });
  });
}

/** The canonical usage lines of a proven hour, in the order of their tree. */
export async function readUsageTexts(db: Db, scope: HourScope): Promise<string[]> {
  const texts: string[] = [];
  const reading = {
    scope,
    gatherer: createHourGatherer(),
    roots: "stored",
    depth: "usage",
    forRestore: false,
  } as const;
  for await (const some of readHourLines(db, reading)) {
    const lines = some.flatMap((text) => text.split("\n"));
    for (const line of lines) if (line.startsWith('{"usage":')) texts.push(line.slice(9, -1));
    // Usage lines come first.
    if (lines.some((line) => line.startsWith('{"record"') || line.startsWith('{"chain"'))) break;
  }
  return texts;
}
