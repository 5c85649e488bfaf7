import { hourOf, type Micros } from "@quarterpast/domain";
import type { Db } from "../db/database.js";
import { insertHeard } from "../usage/collectors.js";
import { insertRestored, type RestoredEvent } from "../usage/events.js";
import { endWaiting } from "../usage/quarantine.js";
import { ensureSources } from "../usage/sources.js";
import { restoreStanding } from "../usage/standing.js";

/**
 * Puts the events of a sealed hour back, so that a replay of the journal finds them counted. One that waited in
 * quarantine when the backup was made is bound as it was later.
 */
export async function restoreEvents(
  db: Db,
  accountNo: number,
  hour: Micros,
  events: readonly RestoredEvent[],
  now: Micros,
): Promise<void> {
  if (events.length === 0) return;
  const sources = await ensureSources(db, [...new Set(events.map(({ source }) => source))]);
  const sourceNos = events.map(({ source }) => sources.get(source)!);
  await insertRestored(db, accountNo, hour, events, sourceNos);
  const names = events.map(({ key }, at) => ({ sourceNo: sourceNos[at]!, key }));
  await endWaiting(db, names, now);
  const heard = events.map(({ meter, time }, at) => ({
    sourceNo: sourceNos[at]!,
    meter,
    hour: hourOf(time),
  }));
  await insertHeard(db, heard);
  await restoreStanding(db, accountNo, events);
}
