import type { CloudEvent } from "@quarterpast/domain/usage";
import { RejectedEvent, UnacknowledgedEvent, type Refusal } from "./errors.js";
import type { Attempt } from "./post.js";
import { pauseMs, type RetryPolicy } from "./retry.js";
import type { RandomBytes } from "./uuid.js";

/** An event being delivered, and the callback that settles it. */
export interface Entry {
  event: CloudEvent;
  index: number;
  /** Called once: without an error when the event is acknowledged. */
  settle(error?: Error): void;
  /** How often it was rejected as retryable, and when first, by the monotonic clock. */
  rejections: number;
  rejectedSinceMs: number;
}

export interface DeliverDeps {
  post(events: readonly CloudEvent[], signal: AbortSignal): Promise<Attempt>;
  policy: RetryPolicy;
  random: RandomBytes;
  monotonicMs(): number;
  /** Resolves after the time, or immediately when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Queues again an entry that the collector rejected as retryable, while the policy allows another try. */
  repeatLater(entry: Entry, pauseMs: number): void;
  /** Repeats a refused call like a failed one: what is on disk waits until the key is corrected. */
  isPatient: boolean;
  onRetry?: ((cause: unknown, pauseMs: number) => void) | undefined;
}

/**
 * Creates the function that delivers a batch until the collector has answered for every event in it. The bytes of the
 * events, ids included, are the same at each attempt.
 */
export function createDeliver(deps: DeliverDeps) {
  const { policy, random } = deps;

  async function deliver(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const events = entries.map((entry) => entry.event);
    const since = deps.monotonicMs();
    for (let failures = 1; ; failures += 1) {
      const answer = await deps.post(events, signal);
      const attempt: Attempt =
        deps.isPatient && answer.kind === "refused" ? { kind: "failed", cause: answer.error } : answer;
      if (attempt.kind !== "failed") return conclude(entries, attempt, signal);
      const pause = pauseMs(policy, failures, attempt.retryAfterMs, random);
      if (signal.aborted) return giveUp(entries, "the client was closed first", attempt.cause);
      if (deps.monotonicMs() + pause - since > policy.forMs) {
        return giveUp(entries, `the collector did not accept it within ${policy.forMs} ms`, attempt.cause);
      }
      deps.onRetry?.(attempt.cause, pause);
      await deps.sleep(pause, signal);
    }
  }

  async function conclude(entries: readonly Entry[], attempt: Attempt, signal: AbortSignal): Promise<void> {
    switch (attempt.kind) {
      case "answered":
        entries.forEach((entry, at) => conclusionOf(entry, attempt.rejected.get(at)));
        return;
      case "none_taken": {
        // Each time fewer: those that are named do not go out with them again.
        const others = entries.filter((_, at) => !attempt.rejected.has(at));
        for (const [at, refusal] of attempt.rejected) conclusionOf(entries[at]!, refusal);
        return others.length > 0 ? deliver(others, signal) : undefined;
      }
      case "refused":
        for (const entry of entries) entry.settle(attempt.error);
        return;
      case "unreadable":
        return isolate(entries, attempt.refusal, signal);
      case "failed":
        return giveUp(entries, "the call failed", attempt.cause);
    }
  }

  /** Halves a refused batch until the offending event is the only one left, so that the others are delivered. */
  async function isolate(entries: readonly Entry[], refusal: Refusal, signal: AbortSignal): Promise<void> {
    if (entries.length === 1) return conclusionOf(entries[0]!, refusal);
    const middle = entries.length >> 1;
    await deliver(entries.slice(0, middle), signal);
    await deliver(entries.slice(middle), signal);
  }

  function conclusionOf(entry: Entry, refusal: Refusal | undefined): void {
    if (refusal === undefined) return entry.settle();
    const now = deps.monotonicMs();
    if (refusal.retryable) {
      if (entry.rejections === 0) entry.rejectedSinceMs = now;
      entry.rejections += 1;
      const pause = pauseMs(policy, entry.rejections, undefined, random);
      if (now + pause - entry.rejectedSinceMs <= policy.rejectedForMs) return deps.repeatLater(entry, pause);
    }
    entry.settle(new RejectedEvent(entry.event, entry.index, refusal));
  }

  return deliver;
}

function giveUp(entries: readonly Entry[], why: string, cause: unknown): void {
  for (const entry of entries) entry.settle(new UnacknowledgedEvent(entry.event, why, cause));
}
