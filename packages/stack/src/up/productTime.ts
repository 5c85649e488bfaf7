import { DAY, formatInstant, hourOf, type Micros } from "@quarterpast/domain";
import { createLoop, createProductClock, type Logger, type ProductClock } from "@quarterpast/runtime";
import {
  beatClock,
  clockReader,
  isSellerOwing,
  readClock,
  readShards,
  setClock,
  type Pool,
} from "@quarterpast/store";
import { planClock, type ClockPlan, type ClockWish, type KeptClock } from "./clockPlan.js";

/** How product time runs, as shown in the ready line: from `start` at the real time `at`, `rate` times as fast. */
export interface ClockLine {
  start: string;
  at: string;
  rate: number;
}

/** The stack's clock as controlled by `up`, which is the only one to set it. */
export interface ProductTime {
  plan: ClockPlan;
  /** Product time until `run`; for real time, the present time. */
  start: Micros;
  clock: ProductClock;
  /** Starts product time, and records every second how far it has got. */
  run(): Promise<ClockLine>;
  /** Stops product time where it is, so that the next start continues from there. Real time is not stopped. */
  stop(): Promise<void>;
}

/** Time for every process to read the new anchor before product time leaves it. */
const LEAD: Micros = 300_000;
const BEAT_MS = 1_000;
/** A real anchor this far in the future stops product time and keeps the rate, which a rate of 0 would lose. */
const HELD: Micros = 10_000 * DAY;

/**
 * Decides where product time continues and holds it there.
 * @throws StackError `usage` if the request does not fit the database.
 */
export async function holdProductTime(pool: Pool, wish: ClockWish, logger: Logger): Promise<ProductTime> {
  const anchor = await readKept(pool);
  const now = anchor?.serverNow ?? (await serverNow(pool));
  const plan = planClock(anchor, wish, now);
  if (plan.kind === "simulated") await hold(pool, plan.start, plan.rate, now);
  else if (!anchor) await setClock(pool, { realAnchor: now, productAnchor: now, rate: 1 });
  const clock = createProductClock({ readAnchor: clockReader(pool), refreshMs: 100, logger });
  await clock.start();
  const beat = createLoop({
    name: "beat",
    everyMs: BEAT_MS,
    logger,
    run: () => beatClock(pool, clock.now()),
  });

  return {
    plan,
    start: plan.kind === "simulated" ? plan.start : now,
    clock,
    async run() {
      const at = (await serverNow(pool)) + LEAD;
      if (plan.kind === "simulated") {
        await setClock(pool, { realAnchor: at, productAnchor: plan.start, rate: plan.rate });
      }
      beat.start();
      return lineOf(plan, at);
    },
    async stop() {
      await beat.stop();
      if (plan.kind === "simulated") {
        const reached = await readClock(pool);
        if (reached) await hold(pool, Math.max(clock.now(), plan.start), plan.rate, reached.serverNow);
      } else {
        await beatClock(pool, clock.now());
      }
      clock.stop();
    },
  };
}

async function readKept(pool: Pool): Promise<KeptClock | undefined> {
  const anchor = await readClock(pool);
  if (!anchor) return undefined;
  const isOwing = await isSellerOwing(pool);
  const open = Math.min(...(await readShards(pool)).map(({ openHour }) => openHour));
  return { ...anchor, isSettledAt: (at) => !isOwing && open >= hourOf(at) };
}

async function hold(pool: Pool, at: Micros, rate: number, now: Micros): Promise<void> {
  await setClock(pool, { realAnchor: now + HELD, productAnchor: at, rate });
}

async function serverNow(pool: Pool): Promise<Micros> {
  const { rows } = await pool.query<{ now: Micros }>("SELECT clock_timestamp() AS now");
  return rows[0]!.now;
}

function lineOf(plan: ClockPlan, at: Micros): ClockLine {
  return plan.kind === "real"
    ? { start: formatInstant(at), at: formatInstant(at), rate: 1 }
    : { start: formatInstant(plan.start), at: formatInstant(at), rate: plan.rate };
}
