import {
  createTree,
  eventLeaf,
  formatCompact,
  formatLine,
  lineText,
  SECOND,
  totalText,
  wrapLine,
} from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { readAll } from "../db/cursor.js";
import { readEvents, type EventReader } from "./eventLines.js";
import { readRecordLines } from "./recordLines.js";
import { readRestoreLines } from "./restoreLines.js";
import { readChainTexts, readStoredTexts, readStoredTotals } from "./hourTexts.js";
import type { HourReading, HourScope } from "./scope.js";

interface UsageRow {
  instanceNo: number;
  instanceId: string;
  meter: string;
  aggregation: string;
  quantity: string;
  events: number;
  origins: [second: number, quantity: string, events: number][];
  unbillable: string | null;
  reason: string | null;
  sn: string | null;
  storedSn: string | null;
  root: string | null;
}

const LINES_AT_ONCE = 2_000;

/**
 * The lines of an hour's export, in order (docs/proof.md), without manifest and signature; several at a time. For a
 * proven hour without events, several lines per text (the gatherer is not fed then). Runs in a transaction of the
 * caller, with cursors, so that memory stays flat whatever the hour holds. Events are found by the block range index
 * on `occurred`, limited to the origin hours in the hour's usage.
 */
export async function* readHourLines(db: Db, reading: HourReading): AsyncGenerator<string[]> {
  const isStored = reading.roots === "stored" && reading.depth !== "events" && !reading.forRestore;
  if (isStored && reading.depth === "chain") yield* readChainTexts(db, reading.scope);
  else if (isStored) yield* readStoredTexts(db, reading.scope);
  else {
    yield* readUsageLines(db, reading);
    yield* readRecordLines(db, reading);
  }
  const chains = await readHeads(db, reading.scope);
  for (const chain of chains) reading.gatherer.chain(chain);
  yield chains.map((text) => wrapLine("chain", text));
  yield isStored
    ? await readStoredTotals(db, reading.scope)
    : reading.gatherer.totals().map((total) => wrapLine("total", totalText(total)));
  if (reading.forRestore) yield* readRestoreLines(db, reading.scope);
}

async function* readUsageLines(db: Db, reading: HourReading): AsyncGenerator<string[]> {
  const { scope, depth } = reading;
  const events = depth === "events" ? await readEvents(db, scope) : undefined;
  let lines: string[] = [];
  for await (const rows of readAll<UsageRow>(db, "usages", USAGES, [scope.accountNo, stamp(scope.hour)])) {
    for (const usage of rows) {
      for await (const some of usageLines(reading, usage, events)) {
        lines.push(...some);
        if (lines.length < LINES_AT_ONCE) continue;
        yield lines;
        lines = [];
      }
    }
  }
  yield lines;
}

async function* usageLines(
  reading: HourReading,
  usage: UsageRow,
  events: EventReader | undefined,
): AsyncGenerator<string[]> {
  const { scope, roots, gatherer } = reading;
  const tree = createTree();
  for await (const rows of events?.of(usage.instanceId) ?? []) {
    yield rows.map((row) => {
      const leaf = eventLeaf({
        ...row,
        account: scope.account,
        instance: usage.instanceId,
        meter: usage.meter,
      });
      if (roots === "made") tree.add(leaf);
      return wrapLine("event", leaf);
    });
  }
  const root = roots === "made" ? tree.root() : (usage.root ?? "");
  const sn = roots === "made" ? usage.sn : usage.storedSn;
  if (roots === "made") {
    reading.onProof?.({ instanceNo: usage.instanceNo, sn, eventsRoot: root, leaves: tree.size() });
  }
  const text = lineText("usage", {
    account: scope.account,
    aggregation: usage.aggregation,
    events: String(usage.events),
    hour: formatCompact(scope.hour),
    instance: usage.instanceId,
    meter: usage.meter,
    quantity: usage.quantity,
    reason: usage.reason ?? "",
    root,
    sn: sn ?? "",
    unbillable: usage.unbillable ?? "0",
  });
  gatherer.usage(text, usage.events);
  yield [...usage.origins.map((origin) => originLine(usage.instanceId, origin)), wrapLine("usage", text)];
}

function originLine(instance: string, [second, quantity, events]: UsageRow["origins"][number]): string {
  const origin = formatCompact(second * SECOND);
  return formatLine("origin", { events: String(events), instance, origin, quantity });
}

const USAGES = `
  SELECT u.*, i.instance_id AS "instanceId", m.code AS meter, m.aggregation, trim_scale(b.quantity)::text AS unbillable,
    b.reason, r.sn, p.sn AS "storedSn", encode(p.events_root, 'hex') AS root
  FROM (
    SELECT instance_no AS "instanceNo", trim_scale(sum(quantity))::text AS quantity, sum(events)::bigint AS events,
      json_agg(json_build_array(extract(epoch FROM origin_hour)::bigint, trim_scale(quantity)::text, events)
        ORDER BY origin_hour) AS origins
    FROM hour_usage WHERE shard >= 0 AND bill_hour = $2::timestamptz GROUP BY instance_no
  ) u
  JOIN instances i ON i.instance_no = u."instanceNo" AND i.account_no = $1::smallint
  JOIN meters m USING (meter_no)
  LEFT JOIN unbillable b ON b.instance_no = i.instance_no AND b.hour = $2::timestamptz
  LEFT JOIN records r ON r.hour = $2::timestamptz AND r.instance_no = i.instance_no AND r.part = '0'
  LEFT JOIN record_proofs p ON p.hour = $2::timestamptz AND p.instance_no = i.instance_no
  ORDER BY i.instance_id COLLATE "C"`;

/** The canonical heads of the account's chains after the hour's records, by shard. */
async function readHeads(db: Db, { accountNo, account, seqTo }: HourScope): Promise<string[]> {
  const { rows } = await db.query<{ shard: number; checksum: string }>(
    `SELECT t.shard::integer - 1 AS shard, r.checksum FROM unnest($2::bigint[]) WITH ORDINALITY AS t (seq, shard)
     JOIN records r ON r.account_no = $1::smallint AND r.shard = t.shard - 1 AND r.seq = t.seq`,
    [accountNo, seqTo],
  );
  const checksums = new Map(rows.map(({ shard, checksum }) => [shard, checksum]));
  return seqTo.map((seq, shard) =>
    lineText("chain", {
      account,
      checksum: checksums.get(shard) ?? "0".repeat(64),
      seq: String(seq),
      shard: String(shard),
    }),
  );
}
