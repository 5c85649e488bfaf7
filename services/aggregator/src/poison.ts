import { ACCEPT_PAST_MAX, type UsageEvent } from "@quarterpast/domain";
import { sqlState } from "@quarterpast/store";
import type { PoisonEvent } from "./bind.js";

/** Data and check errors and exceeded limits: running the same again would fail the same. */
export function isRefusal(error: unknown): boolean {
  const isOurs = error instanceof RangeError || error instanceof TypeError;
  return isOurs || /^(22|23502|23514|54)/.test(sqlState(error) ?? "");
}

/**
 * Finds the events at fault by halving.
 * @param rehearse tries events and takes them back; throws if the database refuses them
 */
export async function findPoison(
  rehearse: (events: readonly UsageEvent[]) => Promise<void>,
  events: readonly UsageEvent[],
): Promise<UsageEvent[]> {
  try {
    await rehearse(events);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (events.length === 1) return [...events];
    const middle = events.length >> 1;
    return [
      ...(await findPoison(rehearse, events.slice(0, middle))),
      ...(await findPoison(rehearse, events.slice(middle))),
    ];
  }
}

/** A storable event that stands for one that is not, with that one as it came. */
export function standIn(event: UsageEvent): PoisonEvent {
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
