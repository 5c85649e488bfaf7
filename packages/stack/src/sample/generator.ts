import { createUsageClient, type RejectedEvent } from "@quarterpast/client";
import { HOUR, type Micros } from "@quarterpast/domain";
import { createLoop, type Clock, type Logger } from "@quarterpast/runtime";
import { SOURCE } from "./catalog.js";
import type { Truth } from "./truth.js";
import { usageBetween } from "./usage.js";

/** Sends the sample's usage as product time passes. */
export interface Generator {
  start(): void;
  /** Acknowledged since the start. */
  events(): number;
  /** Keeps sending until all usage before `until` is acknowledged, and no more. */
  endAt(until: Micros): void;
  /** Stops sending; what is not acknowledged by then is sent after the next start. */
  stop(): Promise<void>;
}

export interface GeneratorOptions {
  collector: string;
  apiKey: string;
  clock: Clock;
  truth: Truth;
  logger: Logger;
  onRejected: (rejected: readonly RejectedEvent[]) => void;
}

const EVERY_MS = 100;
const SAVE_EVERY_MS = 1_000;
/** Usage further back than this is skipped, because the clock was set forward. */
const CATCH_UP: Micros = 3 * HOUR;
const CLOSE_WITHIN_MS = 3_000;

export function createGenerator(options: GeneratorOptions): Generator {
  const { clock, truth, logger } = options;
  const client = createUsageClient({ url: options.collector, apiKey: options.apiKey, source: SOURCE });
  let sent = 0;
  let end = Infinity;
  let isEnding = false;
  let savedAt = Date.now();

  async function pass(): Promise<void> {
    const now = Math.min(clock.now(), end);
    if (now - truth.sentTo() > CATCH_UP) truth.skip(now);
    const events = usageBetween(truth.sentTo(), now);
    const rejected =
      events.length === 0 ? [] : (await client.send(events.map(({ input }) => input))).rejected;
    const refused = new Set(rejected.map(({ index }) => index));
    const acknowledged = events.filter((_, index) => !refused.has(index));
    truth.acknowledge(acknowledged, now);
    sent += acknowledged.length;
    if (rejected.length > 0) options.onRejected(rejected);
    if (Date.now() - savedAt < SAVE_EVERY_MS) return;
    savedAt = Date.now();
    truth.save();
  }

  const loop = createLoop({
    name: "sample",
    everyMs: EVERY_MS,
    logger,
    run: () =>
      pass().catch((error: unknown) => {
        if (!isEnding) throw error;
      }),
  });

  return {
    start: () => loop.start(),
    events: () => sent,
    endAt: (until) => void (end = until),
    async stop() {
      isEnding = true;
      const closed = client.close(CLOSE_WITHIN_MS);
      await loop.stop();
      await closed;
      truth.save();
    },
  };
}
