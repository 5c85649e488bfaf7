import { setTimeout as sleep } from "node:timers/promises";
import type { Ours } from "./ours.js";
import { percentile } from "./result.js";

const POLL_MS = 10;

/** 99th percentiles in milliseconds at a constant request rate. */
export interface Latency {
  ack: number;
  counted: number;
}

/**
 * Sends at a constant rate, timing each request from when it was due, and follows how many events are counted: the
 * n-th answered event is taken as the n-th counted.
 */
export async function measureLatency(
  ours: Ours,
  order: { eventsPerRequest: number; connections: number; eventsPerSecond: number; seconds: number },
): Promise<Latency> {
  const { eventsPerRequest, connections } = order;
  const rate = order.eventsPerSecond / eventsPerRequest;
  const before = await ours.counted();
  const seen: { at: number; events: number }[] = [];
  let isOver = false;
  const watching = (async () => {
    for (; !isOver; await sleep(POLL_MS)) {
      const events = (await ours.counted()) - before;
      seen.push({ at: performance.timeOrigin + performance.now(), events });
    }
  })();
  const requests = Math.ceil(rate * order.seconds);
  const report = await ours.send({ eventsPerRequest, connections, requests, rate, withTimes: true });
  await ours.drained();
  await sleep(2 * POLL_MS);
  isOver = true;
  await watching;
  let at = 0;
  const lags = report.answeredAt.map((answered, index) => {
    while (at < seen.length - 1 && seen[at]!.events < (index + 1) * eventsPerRequest) at += 1;
    return Math.max(0, seen[at]!.at - answered);
  });
  return {
    ack: percentile(report.latenciesMs, 0.99),
    counted: percentile(
      lags.sort((a, b) => a - b),
      0.99,
    ),
  };
}
