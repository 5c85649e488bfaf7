import { createApiClient } from "@quarterpast/contract";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { HOUR, hourOf, MINUTE, type Micros } from "@quarterpast/domain";
import { createLoop } from "@quarterpast/runtime";
import type { Text } from "@quarterpast/runtime";
import type { HeldStack } from "../up/stack.js";
import { CUSTOMER_COUNT, INSTANCES, METERS } from "./catalog.js";
import { compare, type Comparison } from "./compare.js";
import { createGenerator } from "./generator.js";
import { sandboxStatement, type Statement } from "./marketplace.js";
import { registerSample } from "./register.js";
import { openTruth, type Truth } from "./truth.js";
import { clockTime, createWatch } from "./watch.js";

/** Sample usage on a stack. */
export interface Sample {
  /** Starts sending usage and prints what happens to it. */
  start(): void;
  /**
   * Stops sending after the next two whole hours, and waits until the marketplace has billed them.
   * @returns both sides' sums; undefined if the signal came first.
   */
  runOut(signal: AbortSignal): Promise<FinalComparison | undefined>;
  stop(): Promise<void>;
}

/** Both sides of all hours that were sent completely. */
export interface FinalComparison extends Comparison {
  events: number;
  records: number;
  rejected: number;
}

const LOOK_MS = 200;
const WHOLE_HOURS = 2;
/** The next hour's window, because late usage is billed with the next hour. */
const GIVE_UP_AFTER: Micros = HOUR + 20 * MINUTE;

/**
 * Prepares the sample: its meters, its instances, and the generator's own count.
 * @param tell called with each line for a person.
 */
export async function prepareSample(stack: HeldStack, tell: (text: Text) => void): Promise<Sample> {
  const { facts, time, places, logger } = stack;
  const clock = time.clock;
  const truth = openTruth(places.sample, time.start);
  const api = createApiClient({ url: facts.api, key: facts.apiKey });
  const statement = sandboxStatement(facts.sandbox!);
  await registerSample(api, truth.startedAt);
  tell(introduction);

  let rejected = 0;
  const generator = createGenerator({
    ...{ collector: facts.collector, apiKey: facts.apiKey, clock, truth, logger },
    onRejected(events) {
      rejected += events.length;
      tell(rejectedLine(events.length, events[0]!.message));
    },
  });
  const watch = createWatch({
    ...{ api, statement, truth },
    from: hourOf(truth.sentTo()),
    tell: (at, { en, zh }) => tell({ en: `${clockTime(at)}  ${en}`, zh: `${clockTime(at)}  ${zh}` }),
    onFirstRecord: () => tell(firstRecordLine(performance.now())),
  });
  const watching = createLoop({ name: "watch", everyMs: LOOK_MS, logger, run: () => watch.look() });

  return {
    start() {
      tell(heading);
      generator.start();
      watching.start();
    },
    async runOut(signal) {
      // The current hour counts as one only if it is complete.
      const end = hourOf(clock.now() - 1) + HOUR * (1 + WHOLE_HOURS);
      generator.endAt(end);
      await clock.sleepUntilProduct(end, signal);
      while (truth.sentTo() < end && !signal.aborted) await delay(LOOK_MS);
      const giveUp = end + GIVE_UP_AFTER;
      for (;;) {
        if (signal.aborted) return undefined;
        const [found, isSettled] = await compareAll(truth, statement);
        const isLate = clock.now() > giveUp;
        if (isLate || (isSettled && found.mismatches.length === 0 && clock.now() > end + 15 * MINUTE)) {
          await delay(2 * LOOK_MS);
          return { ...found, events: generator.events(), rejected };
        }
        await delay(LOOK_MS);
      }
    },
    async stop() {
      await generator.stop();
      await watching.stop();
    },
  };
}

async function compareAll(
  truth: Truth,
  statement: Statement,
): Promise<[comparison: Comparison & { records: number }, isSettled: boolean]> {
  const { usage, pending } = await statement.totals();
  const own = new Set(INSTANCES.map(({ instanceId }) => instanceId));
  const rows = [...usage].filter(([instanceId]) => own.has(instanceId));
  const billed = new Map(rows.map(([instanceId, { quantity }]) => [instanceId, quantity]));
  const records = rows.reduce((sum, [, row]) => sum + row.records, 0);
  return [{ ...compare(truth.totals(), billed), records }, pending === 0];
}

const introduction: Text = {
  en: `  ✓ sample      ${CUSTOMER_COUNT} customers, ${INSTANCES.length} instances, ${METERS.length} meters`,
  zh: `  ✓ 示例        ${CUSTOMER_COUNT} 个客户、${INSTANCES.length} 个实例、${METERS.length} 个计量项`,
};

const heading: Text = {
  en: "what happens, at which product time (UTC):",
  zh: "运行过程（系统时间，UTC）：",
};

function rejectedLine(count: number, why: string): Text {
  return { en: `${count} events were rejected: ${why}`, zh: `${count} 个事件被拒绝：${why}` };
}

function firstRecordLine(ms: number): Text {
  const seconds = (ms / 1000).toFixed(1);
  return {
    en: `       the first bill record is accepted, ${seconds} s after the start`,
    zh: `       第一条话单已被接受，距启动 ${seconds} 秒`,
  };
}
