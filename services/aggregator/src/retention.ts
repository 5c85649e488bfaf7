import { DAY, lateMost, type Micros } from "@quarterpast/domain";
import { faultPoint, type Clock, type Logger } from "@quarterpast/runtime";
import {
  dropWeek,
  ensureWeeks,
  listWeeks,
  noteRemoved,
  readHorizon,
  setRetention,
  thinBindingChanges,
  thinEvents,
  thinHeard,
  thinStanding,
  THINNED,
  type Pool,
} from "@quarterpast/store";

export interface RetentionDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  /** How long an event's identity is kept after its receipt, days. */
  keepDays: number;
}

/** Rows removed by one statement, each in its own transaction, so that none blocks others for long. */
const AT_ONCE = 5_000;

/** Publishes to collectors how long identities are kept, and creates the partitions for the events of these weeks. */
export async function prepareRetention({ pool, clock, keepDays }: RetentionDeps): Promise<void> {
  await faultPoint("aggregator.beforePartitions");
  await setRetention(pool, keepDays);
  await ensureWeeks(pool, clock.real());
}

/**
 * Removes what is past its retention: weeks of UUIDv7 keys whole, all else in small batches. Never removes what
 * waits, what an unfrozen or unproven hour needs, or a correction. @returns whether there is more to do
 */
export async function removeExpired(deps: RetentionDeps): Promise<boolean> {
  const { pool, clock, logger, keepDays } = deps;
  await prepareRetention(deps);
  const before = clock.now() - keepDays * DAY;
  const horizon = await readHorizon(pool, before);
  const weeks = await dropWeeks(deps, horizon);
  const thinned = await thin(pool, { occurred: before - lateMost(keepDays), horizon });
  await faultPoint("aggregator.beforeThinning");
  const standing = await thinStanding(pool, before, AT_ONCE);
  const heard = await thinHeard(pool, before, AT_ONCE);
  const rest = standing + heard + (await thinBindingChanges(pool, AT_ONCE));
  if (weeks + thinned + rest > 0)
    logger.info({ weeks, events: thinned, rest }, "removed what is past its retention");
  return thinned > 0 || rest >= AT_ONCE;
}

/** Ids are made by real clocks, so their weeks are in real time. */
async function dropWeeks({ pool, clock, keepDays }: RetentionDeps, horizon: Micros): Promise<number> {
  let dropped = 0;
  for (const week of await listWeeks(pool)) {
    if (week.to > clock.real() - keepDays * DAY) break;
    await faultPoint("aggregator.beforeWeekDrop");
    const last = await dropWeek(pool, week, horizon);
    if (last === undefined) continue;
    await noteRemoved(pool, last);
    dropped += 1;
  }
  return dropped;
}

/**
 * Rows show when events occurred, not when they were received. Collectors accept no event later than a limit, so one
 * that occurred longer ago than that limit plus the retention has been kept long enough.
 */
async function thin(pool: Pool, until: { occurred: Micros; horizon: Micros }): Promise<number> {
  let removed = 0;
  for (const table of THINNED) {
    await faultPoint("aggregator.beforeEventThinning");
    const count = await thinEvents(pool, table, { ...until, limit: AT_ONCE });
    if (count > 0) await noteRemoved(pool, until.occurred);
    removed += count;
  }
  return removed;
}
