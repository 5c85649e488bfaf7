import type { Micros } from "@quarterpast/domain";
import type { Producer, UsageJob } from "@quarterpast/queue";
import { type Clock, createLoop, faultPoint, idleRest, type Logger, type Loop } from "@quarterpast/runtime";
import type { Journal } from "./journal/journal.js";
import type { Outstanding, OutstandingEntry } from "./outstanding.js";

/** Everything that the collector reads and writes in Postgres. */
export interface CollectorLedger {
  register(name: string, watermark: Micros, real: Micros): Promise<number>;
  readReceipts(collectorNo: number, fromSeq: number): Promise<number[]>;
  writeWatermark(collectorNo: number, watermark: Micros, real: Micros, left: boolean): Promise<void>;
}

export interface SettlerDeps {
  ledger: CollectorLedger;
  journal: Journal;
  outstanding: Outstanding;
  producer: Pick<Producer, "add" | "state">;
  clock: Clock;
  monotonicMs: () => number;
  logger: Logger;
  onReenqueued: () => void;
}

/** Follows the entries to their receipts. */
export interface Settler {
  /**
   * Registers with Postgres, which returns the number that entries carry, and looks for the receipts of entries found
   * at start, so that only those without one are enqueued again. Rejects if Postgres is unreachable.
   */
  begin(): Promise<void>;
  collectorNo(): number;
  /** Loops that read receipts, move the watermark and enqueue entries again. */
  loops: Loop[];
  watermark(): Micros | undefined;
  /** Looks for receipts until none is missing or the time is over; signs off if none is. */
  leave(withinMs: number): Promise<void>;
}

const LOOK_EVERY_MS = 200;
/** The longest rest between looks while no entry waits for its receipt: the watermark follows within that. */
const IDLE_MS = 2_000;
/** One look in this many asks for all outstanding entries; the others only for those whose receipt is due soon. */
const FULL_LOOK_EVERY = 20;
const RECLAIM_EVERY_MS = 10_000;
/** Entries enqueued again concurrently, and in one pass. */
const AGAIN_AT_ONCE = 4;
const AGAIN_PER_PASS = 32;

/**
 * Creates the loops that read receipts, move the watermark, enqueue overdue entries again and reclaim the journal.
 */
export function createSettler(deps: SettlerDeps): Settler {
  const { ledger, journal, outstanding, producer, clock, logger } = deps;
  let no: number | undefined;
  let isRegistered = false;
  let watermark: Micros | undefined;
  let looks = 0;
  const idle = idleRest(clock, IDLE_MS);
  const rest = () => (outstanding.size() > 0 ? LOOK_EVERY_MS : idle());

  /** Repeated after each failure, because the database may be another or an older one than before. */
  async function register(): Promise<void> {
    const from = lowestOf(outstanding.oldest(), clock.now());
    await faultPoint("collector.beforeRegister");
    const given = await ledger.register(journal.collector, from, clock.real());
    if (no !== undefined && no !== given) {
      logger.error({ was: no, is: given }, "the database knows this collector by another number");
    }
    if (no === undefined) await skipForeign(given);
    no = given;
    isRegistered = true;
  }

  /** A journal restored from a copy would reuse numbers whose receipts belong to other entries. */
  async function skipForeign(given: number): Promise<void> {
    const ahead = (await ledger.readReceipts(given, journal.reserve())).at(-1);
    if (ahead === undefined) return;
    logger.error(
      { ahead },
      "there are receipts for entries that this journal does not have: is it an old copy?",
    );
    journal.skipPast(ahead);
  }

  async function look(isLeaving = false): Promise<void> {
    if (!isRegistered) await register();
    try {
      // Taken before looking, because an entry acknowledged during the look was acknowledged after this time.
      const asked = clock.now();
      const isFull = isLeaving || looks % FULL_LOOK_EVERY === 0;
      looks += 1;
      const from = outstanding.lowest(isFull ? undefined : deps.monotonicMs());
      if (from !== undefined) {
        for (const seq of await ledger.readReceipts(no!, from)) outstanding.settled(seq);
      }
      const reached = lowestOf(outstanding.oldest(), asked);
      await faultPoint("collector.beforeWatermark");
      await ledger.writeWatermark(no!, reached, clock.real(), isLeaving && outstanding.size() === 0);
      watermark = reached;
    } catch (error) {
      isRegistered = false;
      throw error;
    }
  }

  async function enqueueAgain(): Promise<boolean> {
    if (no === undefined || !producer.state().ok) return false;
    const due = outstanding.due(deps.monotonicMs(), AGAIN_PER_PASS);
    const rest = due.values();
    await Promise.all(
      Array.from({ length: AGAIN_AT_ONCE }, async () => {
        for (const entry of rest) await enqueue(entry);
      }),
    );
    return due.length === AGAIN_PER_PASS;
  }

  async function enqueue(entry: OutstandingEntry): Promise<void> {
    let isQueued = false;
    try {
      const payload = await journal.read(entry.place!);
      const job = JSON.parse(payload.toString("utf8")) as UsageJob;
      await faultPoint("collector.beforeEnqueueAgain");
      await producer.add({ ...job, collector: no! });
      await faultPoint("collector.afterEnqueueAgain");
      isQueued = true;
      deps.onReenqueued();
    } catch (error) {
      logger.error({ err: error, seq: entry.seq }, "an entry could not be enqueued again; it is tried again");
    }
    outstanding.retried(entry.seq, isQueued);
  }

  return {
    begin: () => look(),
    collectorNo: () => no!,
    loops: [
      createLoop({
        name: "receipts",
        everyMs: LOOK_EVERY_MS,
        idleMs: rest,
        run: () => look(),
        logger,
      }),
      createLoop({
        name: "enqueue again",
        everyMs: LOOK_EVERY_MS,
        idleMs: rest,
        run: enqueueAgain,
        logger,
      }),
      createLoop({ name: "reclaim", everyMs: RECLAIM_EVERY_MS, run: () => journal.reclaim(), logger }),
    ],
    watermark: () => watermark,
    async leave(withinMs) {
      const until = deps.monotonicMs() + withinMs;
      do {
        await look(true);
        if (outstanding.size() === 0) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      } while (deps.monotonicMs() < until);
    },
  };
}

function lowestOf(oldest: Micros | undefined, now: Micros): Micros {
  return Math.min(oldest ?? now, now);
}
