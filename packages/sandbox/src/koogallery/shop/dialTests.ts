import { join } from "node:path";
import type { ProductClock } from "../clock.js";
import type { Site } from "../options.js";
import { appendJsonLine, readJsonLines } from "./jsonLines.js";

/** A debugging case that failed, and what the console would say about it in both languages. */
export type FailedCase = {
  version: string;
  mode: string;
  name: string;
  problems: { en: string; zh: string }[];
};

/** One replay of the saved debugging cases. Instants are ISO 8601. */
export type DialRun = {
  /** When it was due, product time; identifies a run. */
  slot: string;
  /** When it was reported, product time. */
  at: string;
  cases: number;
  failed: FailedCase[];
};

export type DialTests = {
  /** The slot that waits for a run; null if there is none. */
  due(): string | null;
  /** Stores a run of the slot that is due; returns false, and stores nothing, for another slot. */
  note(run: Pick<DialRun, "slot" | "cases" | "failed">): Promise<boolean>;
  /** The latest runs, newest first. */
  runs(): DialRun[];
  /** Consecutive days, up to the latest tested one, with a run that failed. */
  failingDays(): number;
  /** Trading is suspended and the product hidden (specification 3.8). */
  isHidden(): boolean;
};

/** Each morning and each afternoon, local time of the site. The documents name no minute. */
const LOCAL_HOURS = [9, 15];
const OFFSET_MS: Record<Site, number> = { cn: 8 * 3_600_000, intl: 0 };
const HIDDEN_AFTER_DAYS = 5;
const DAY_MS = 86_400_000;
const SHOWN_RUNS = 20;

/**
 * The dial tests of a data folder: one JSON line per run. Before the first run, slots count from the first time `due`
 * is called: earlier slots are not run.
 */
export async function openDialTests(dataDir: string, clock: ProductClock, site: Site): Promise<DialTests> {
  const path = join(dataDir, "dial-tests.ndjson");
  const runs = await readJsonLines<DialRun>(path);
  let since: number | undefined;

  /** The latest slot that has come. */
  function latestSlot(now: number): number {
    const day = Math.floor((now + OFFSET_MS[site]) / DAY_MS) * DAY_MS - OFFSET_MS[site];
    const slots = [day - DAY_MS, day].flatMap((midnight) =>
      LOCAL_HOURS.map((hour) => midnight + hour * 3_600_000),
    );
    return slots.findLast((slot) => slot <= now)!;
  }

  function due(): string | null {
    const now = clock.now();
    since ??= now;
    const last = runs.at(-1);
    const slot = latestSlot(now);
    return slot > (last ? Date.parse(last.slot) : since) ? new Date(slot).toISOString() : null;
  }

  const dayOf = ({ slot }: DialRun) => Math.floor((Date.parse(slot) + OFFSET_MS[site]) / DAY_MS);

  function failingDays(): number {
    const days = new Map<number, boolean>();
    for (const run of runs) days.set(dayOf(run), (days.get(dayOf(run)) ?? false) || run.failed.length > 0);
    const newestFirst = [...days].sort(([a], [b]) => b - a);
    const well = newestFirst.findIndex(([, hasFailed]) => !hasFailed);
    return well < 0 ? newestFirst.length : well;
  }

  /** Hidden after this many failing days, until a run passes. */
  const isHidden = () => failingDays() >= HIDDEN_AFTER_DAYS && runs.at(-1)!.failed.length > 0;

  return {
    due,
    async note({ slot, cases, failed }) {
      if (slot !== due()) return false;
      const run = { slot, at: new Date(clock.now()).toISOString(), cases, failed };
      await appendJsonLine(path, run);
      runs.push(run);
      return true;
    },
    runs: () => runs.slice(-SHOWN_RUNS).toReversed(),
    failingDays,
    isHidden,
  };
}
