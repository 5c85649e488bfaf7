import { setTimeout as sleep } from "node:timers/promises";
import { FIRST_MS, HOUR_MS, openStage, type Stage } from "./stage.js";
import { compare, hourOfUsage, send } from "./usage.js";
import type { LongRun, PartResult } from "./longRun.js";

const INSTANCES = 80_000;
const HOURS = 6;
const CHECKED_WITHIN_MS = 120_000;
const BAR_MS = 10 * 60_000;
const GIVE_UP_MS = 20 * 60_000;
/** Product seconds per real second while the marketplace is down. */
const FAST = 60;

/**
 * The marketplace is down for six hours in which 80,000 records an hour fall due. Measures the time from its return,
 * with the product's clock at real speed, until it has all of them.
 */
export async function outage({ root, dir, say }: LongRun): Promise<PartResult> {
  const stage = await openStage({
    root,
    dir,
    say,
    instances: INSTANCES,
    services: { collector: 1, aggregator: 1, reporter: 1 },
  });
  const hours = Array.from({ length: HOURS }, (_, at) => FIRST_MS + at * HOUR_MS);
  try {
    await stage.setFaults([{ mode: "down" }]);
    for (const kind of ["collector", "aggregator", "reporter"] as const) await stage.start(kind);
    for (const hour of hours) {
      await stage.clock.jump(hour + HOUR_MS / 2);
      await send(stage.collectors, hourOfUsage(INSTANCES, hour));
      await untilCounted(stage, hours.indexOf(hour) + 1);
      await stage.clock.setRate(FAST);
      while (stage.clock.now() < hour + HOUR_MS + 10 * 60_000) await sleep(200);
      await stage.clock.setRate(0);
      await untilFrozen(stage, hours.indexOf(hour) + 1);
      say(`hour ${hours.indexOf(hour) + 1} of ${HOURS} is owed`);
    }
    await stage.clock.jump(FIRST_MS + (HOURS + 1) * HOUR_MS);
    await stage.clock.setRate(1);
    const owed = await owedRecords(stage);
    await stage.setFaults([]);
    const from = Date.now();
    while ((await owedRecords(stage)) > 0 && Date.now() - from < GIVE_UP_MS) await sleep(500);
    const caughtUpMs = Date.now() - from;
    const found = await checkedTotals(stage, hours);
    const outOfOrder = await countOutOfOrder(stage);
    const isGood =
      owed === INSTANCES * HOURS &&
      caughtUpMs <= BAR_MS &&
      outOfOrder === 0 &&
      found.missing + found.doubled + found.different === 0;
    return { isGood, figures: { records: owed, hoursAway: HOURS, caughtUpMs, outOfOrder, ...found } };
  } finally {
    await stage.end();
  }
}

/** The marketplace's totals once its background check, which follows the answers, is done. */
async function checkedTotals(stage: Stage, hours: readonly number[]): Promise<ReturnType<typeof compare>> {
  for (const until = Date.now() + CHECKED_WITHIN_MS; ; await sleep(5_000)) {
    const found = compare(await stage.validTotals(), INSTANCES, hours);
    if (found.missing === 0 || Date.now() > until) return found;
  }
}

async function number(stage: Stage, sql: string): Promise<number> {
  return (await stage.pool.query<{ n: number }>(sql)).rows[0]!.n;
}

const owedRecords = (stage: Stage): Promise<number> =>
  number(
    stage,
    "SELECT COALESCE(sum(seq_to - seq_from + 1), 0)::float8 AS n FROM submissions WHERE state IN ('frozen', 'sent', 'unknown')",
  );

async function untilCounted(stage: Stage, hours: number): Promise<void> {
  const counted = () => number(stage, "SELECT COALESCE(sum(counted), 0)::float8 AS n FROM receipts");
  while ((await counted()) < INSTANCES * hours) await sleep(200);
}

async function untilFrozen(stage: Stage, hours: number): Promise<void> {
  while ((await owedRecords(stage)) < INSTANCES * hours) await sleep(200);
}

/** The reporter's calls run concurrently: one of an older hour may finish this many places later. */
const IN_FLIGHT = 4;

/** Accepted calls that were sent although calls of an older hour were still to come. */
async function countOutOfOrder(stage: Stage): Promise<number> {
  const { rows } = await stage.pool.query<{ deadline: Date }>(
    `SELECT s.deadline FROM attempts t JOIN submissions s USING (submission_id)
     WHERE t.result = 'accepted' ORDER BY t.sent_real, t.submission_id`,
  );
  const deadlines = rows.map(({ deadline }) => Number(deadline));
  return deadlines.filter((at, place) => deadlines.slice(place + IN_FLIGHT).some((later) => later < at))
    .length;
}
