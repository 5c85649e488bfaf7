import { setTimeout as sleep } from "node:timers/promises";

/**
 * A token bucket: `perSecond` calls on average, as many at once. Real time, because it protects a real server.
 * @returns a function that resolves when the caller may make its call.
 */
export function createRateLimit(perSecond: number, nowMs: () => number): () => Promise<void> {
  const spacing = 1_000 / perSecond;
  let next = 0;
  return async () => {
    const now = nowMs();
    next = Math.max(next + spacing, now - 1_000 + spacing);
    if (next > now) await sleep(next - now);
  };
}
