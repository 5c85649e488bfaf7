import type { Problem } from "../errors.js";
import { isUuidV7 } from "./identity.js";
import { DAY, formatInstant, type Micros } from "../time.js";

/**
 * Days for which identities are kept: at least 8, by default the longest accepted lateness and a week (failures.md
 * R17).
 */
export const KEEP_DAYS = { least: 8, usual: 42, most: 3_650 } as const;
/** Longest time from an acknowledgement to the ledger: a collector's journal is kept for less. */
const RESIDENCE: Micros = 7 * DAY;
/** How far ahead the clock of an id's maker may be. */
const AHEAD: Micros = DAY;

/**
 * How late an event may come if identities are kept for `keepDays` days, so that a repeat still meets its identity.
 */
export function lateMost(keepDays: number): Micros {
  return keepDays * DAY - RESIDENCE;
}

/** When a UUIDv7 was made, by the clock of its maker; undefined for any other id. */
export function madeAt(id: string): Micros | undefined {
  if (!isUuidV7(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) * 1_000;
}

/**
 * Why an id cannot be accepted: a UUIDv7 made so long ago, or so far in the future, that the ledger might forget its
 * identity while it can still be sent again.
 * @param real real time: ids are made by the clocks of their makers
 */
export function idProblem(id: string, real: Micros, keepDays: number): Problem | undefined {
  const made = madeAt(id);
  if (made === undefined) return undefined;
  const past = lateMost(keepDays);
  const [code, bound] =
    made < real - past
      ? (["id_too_old", `after ${formatInstant(real - past)}`] as const)
      : made > real + AHEAD
        ? (["id_in_future", `before ${formatInstant(real + AHEAD)}`] as const)
        : [undefined, ""];
  return (
    code && { code, field: "id", detail: `id ${id} was made ${show(made)}: a UUIDv7 must be made ${bound}` }
  );
}

/** A UUIDv7 may name a time beyond the calendar. */
function show(made: Micros): string {
  return made < 8.64e18 && Number.isSafeInteger(made) ? formatInstant(made) : `${made / 1_000} ms after 1970`;
}
