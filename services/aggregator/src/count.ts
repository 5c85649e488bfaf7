import type { Micros, UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import { inBatch, isRepeat, type Pool, type Receipt } from "@quarterpast/store";
import { countIn, type Counting } from "./batch.js";
import type { PoisonEvent } from "./bind.js";
import { createKnown, type Known } from "./known.js";
import { findPoison, isRefusal, standIn } from "./poison.js";

export interface CountDeps {
  pool: Pool;
  now: () => Micros;
  /** This process's cache; created for only this call if absent. */
  known?: Known;
}

/**
 * Counts a batch: each event once, its hour added to, a receipt (SPEC 2). Running it again changes nothing. What the
 * database refuses is found by halving and waits in quarantine, so that the rest flows (SPEC 3). Any other error leaves
 * nothing behind: the batch is run again.
 */
export async function countBatch(deps: CountDeps, batch: UsageBatch): Promise<Receipt> {
  try {
    return await countWhole(deps, batch, []);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const rehearse = (events: readonly UsageEvent[]) =>
      rehearseBatch(deps, { ...batch, events: [...events] });
    const poison = new Set(await findPoison(rehearse, batch.events));
    const events = batch.events.filter((event) => !poison.has(event));
    return countWhole(deps, { ...batch, events }, [...poison].map(standIn));
  }
}

/**
 * Counts a batch in one transaction, first as if no event were there yet.
 * @param poison events the database refuses: they wait in quarantine as they came.
 */
async function countWhole(
  deps: CountDeps,
  batch: UsageBatch,
  poison: readonly PoisonEvent[],
): Promise<Receipt> {
  const known = deps.known ?? createKnown(deps.pool, () => 0, batch.events.length + 1);
  const once = (isFresh: boolean) => countOnce({ ...deps, known }, { batch, poison, isFresh });
  try {
    if (!known.triesFresh()) return await once(false);
    return await once(true).catch((error: unknown) => {
      if (!isRepeat(error)) throw error;
      known.metRepeat();
      return once(false);
    });
  } catch (error) {
    known.forget();
    throw error;
  }
}

async function countOnce(
  { pool, known, now }: CountDeps & { known: Known },
  { batch, poison, isFresh }: Pick<Counting, "batch" | "poison" | "isFresh">,
): Promise<Receipt> {
  const sources = await known.sources(sourcesOf(batch, poison));
  return inBatch(pool, known.horizon(), (db, opening) => {
    known.refresh(opening);
    return countIn(db, { batch, poison, sources, opening, known, now: now(), isFresh });
  });
}

/** Does all of it and takes it back. @throws the database's error if it would not go through. */
async function rehearseBatch({ pool, now }: CountDeps, batch: UsageBatch): Promise<void> {
  const takenBack = new Error("taken back");
  const known = createKnown(pool, () => 0, batch.events.length + 1);
  const sources = await known.sources(sourcesOf(batch, []));
  await inBatch(pool, 0n, async (db, opening) => {
    await countIn(db, { batch, poison: [], sources, opening, known, now: now(), isFresh: false });
    throw takenBack;
  }).catch((error: unknown) => {
    if (error !== takenBack) throw error;
  });
}

function sourcesOf({ events }: UsageBatch, poison: readonly PoisonEvent[]): string[] {
  return [...new Set([...events, ...poison].map((event) => event.source))];
}
