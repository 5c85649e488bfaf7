import { ACCEPT_PAST_MAX, type UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import { sqlState, type Receipt } from "@quarterpast/store";
import type { PoisonEvent } from "./bind.js";
import { countBatch, rehearseBatch, type CountDeps } from "./count.js";

/**
 * Counts a batch; if the database refuses its content, finds the offending events by halving and puts those in
 * quarantine, so that the rest is counted (SPEC 3). Any other error is thrown: the batch is run again.
 */
export async function countDespitePoison(deps: CountDeps, batch: UsageBatch): Promise<Receipt> {
  try {
    return await countBatch(deps, batch);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const poison = new Set(await findPoison(deps, batch, batch.events));
    const events = batch.events.filter((event) => !poison.has(event));
    return countBatch(deps, { ...batch, events }, [...poison].map(standIn));
  }
}

/** Data and check errors and exceeded limits: repeating would fail the same way. */
function isRefusal(error: unknown): boolean {
  const isOurs = error instanceof RangeError || error instanceof TypeError;
  return isOurs || /^(22|23502|23514|54)/.test(sqlState(error) ?? "");
}

async function findPoison(
  deps: CountDeps,
  batch: UsageBatch,
  events: readonly UsageEvent[],
): Promise<UsageEvent[]> {
  try {
    await rehearseBatch(deps, { ...batch, events: [...events] });
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (events.length === 1) return [...events];
    const middle = events.length >> 1;
    return [
      ...(await findPoison(deps, batch, events.slice(0, middle))),
      ...(await findPoison(deps, batch, events.slice(middle))),
    ];
  }
}

function standIn(event: UsageEvent): PoisonEvent {
  const timeIsSane =
    Number.isSafeInteger(event.time) && event.time > 0 && event.time < Date.UTC(2200, 0) * 1_000;
  return {
    source: printable(event.source),
    id: printable(event.id),
    subject: printable(event.subject),
    meter: printable(event.meter),
    time: timeIsSane ? event.time : ACCEPT_PAST_MAX,
    raw: Buffer.from(JSON.stringify(event), "utf8"),
  };
}

function printable(text: unknown): string {
  return String(text)
    .replace(/[\p{Cc}\p{Cs}]/gu, "\ufffd")
    .slice(0, 256);
}
