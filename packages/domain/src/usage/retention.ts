import type { Problem } from "../errors.js";
import { isUuidV7 } from "./identity.js";
import { DAY, formatInstant, type Micros } from "../time.js";

/** Identities are kept for at least this long, and by default for the longest lateness and a week (failures.md R17). */
export const KEEP_DAYS = { least: 8, usual: 42, most: 3_650 } as const;
/** Longest way from an acknowledgement to the ledger: a collector's journal is kept for less. */
const RESIDENCE: Micros = 7 * DAY;
/** How far the clock of whoever made an id may be ahead. */
const AHEAD: Micros = DAY;

/** How late an event may come where identities are kept for so many days: a repeat still meets its identity. */
export function lateMost(keepDays: number): Micros {
  return keepDays * DAY - RESIDENCE;
}

/** When a UUIDv7 was made, by the clock of its maker; undefined for any other id. */
export function madeAt(id: string): Micros | undefined {
  if (!isUuidV7(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) * 1_000;
}

/**
 * Why an id cannot be taken: a UUIDv7 made so long ago, or so far ahead, that its identity may not be in the ledger for
 * as long as it can be sent again.
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

/** A UUIDv7 may name a time that no calendar has. */
function show(made: Micros): string {
  return made < 8.64e18 && Number.isSafeInteger(made) ? formatInstant(made) : `${made / 1_000} ms after 1970`;
}
