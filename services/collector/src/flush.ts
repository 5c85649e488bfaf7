import type { Micros, UsageEvent } from "@quarterpast/domain";
import {
  encodeBatch,
  type Producer,
  type ProducerState,
  type UsageBatch,
  type UsageJob,
} from "@quarterpast/queue";
import { faultPoint } from "@quarterpast/runtime";
import { BODY_LIMITS } from "./body.js";
import type { Journal } from "./journal/journal.js";
import type { Outstanding } from "./outstanding.js";
import { refusal } from "./problems.js";
import type { RedisDownPolicy } from "./settings.js";

/** Where the events of an answer are on disk. */
export type Durability = "journal+redis" | "journal";

/** The accepted events of one request. */
export interface Submission {
  events: UsageEvent[];
  /** Size of the request's body. */
  bytes: number;
  /** Product time at which the request was checked. */
  received: Micros;
}

/** Joins requests into entries: one entry is one job, one transaction and one receipt. */
export interface Flusher {
  /**
   * Resolves when the events are on disk as the policy requires.
   * @throws ProblemError `unavailable` (it may be stored) or `overloaded`.
   */
  submit(submission: Submission): Promise<Durability>;
  /** Resolves when nothing is in progress. */
  drained(): Promise<void>;
}

export interface FlusherDeps {
  journal: Journal;
  producer: Pick<Producer, "add" | "state">;
  outstanding: Outstanding;
  collectorNo: () => number;
  policy: RedisDownPolicy;
}

interface Request extends Submission {
  resolve: (durability: Durability) => void;
  reject: (error: unknown) => void;
  /** Monotonic milliseconds. */
  answerBy: number;
}

/** Requests that wait for an entry. */
interface Waiting {
  /** In the order of arrival. */
  requests: Set<Request>;
  events: number;
  bytes: number;
}

/**
 * Entries are at least this far apart, unless they are full: a single request does not wait, and one of many waits at
 * most this long for others to join it.
 */
const JOIN_MS = 10;
/**
 * With this many events an entry need not wait for more: an entry costs each service about as much as fifty events.
 */
const JOIN_EVENTS = 256;
/**
 * Entries that may be written at once; requests arriving meanwhile form the next one. Far fewer than the gap that the
 * journal leaves in its numbers at a start.
 */
const WRITES_MAX = 2;
/** Limits of an entry; its job stays far below what Redis and the aggregator can take at once. */
const ENTRY_LIMITS = { events: 3_000, bytes: BODY_LIMITS.bytes } as const;
/** Events that may wait for an entry. */
const WAITING_MAX_EVENTS = 100_000;
/** Requests are answered within 2 s, whatever the disk and Redis do. */
const ANSWER_WITHIN_MS = 1_800;
const OVERDUE_CHECK_MS = 50;

/** Creates the only writer to the journal and to Redis. */
export function createFlusher(deps: FlusherDeps): Flusher {
  const waiting: Waiting = { requests: new Set(), events: 0, bytes: 0 };
  const writes = new Set<Promise<void>>();
  /** Requests without an answer yet. */
  const open = new Set<Request>();
  /** When the last entry was begun, monotonic milliseconds. */
  let begunAt = -Infinity;
  let next: NodeJS.Timeout | undefined;
  let overdue: NodeJS.Timeout | undefined;

  function submit(submission: Submission): Promise<Durability> {
    return new Promise((resolve, reject) => {
      refuseIfDown(deps);
      if (waiting.events + submission.events.length > WAITING_MAX_EVENTS) {
        throw refusal("overloaded", "too many events are waiting to be written");
      }
      const { events, bytes, received } = submission;
      const answerBy = performance.now() + ANSWER_WITHIN_MS;
      const request: Request = { events, bytes, received, resolve, reject, answerBy };
      open.add(request);
      overdue ??= setTimeout(refuseOverdue, OVERDUE_CHECK_MS);
      waiting.requests.add(request);
      waiting.events += events.length;
      waiting.bytes += bytes;
      schedule();
    });
  }

  /** One timer for all: requests are due in the order of arrival. */
  function refuseOverdue(): void {
    overdue = undefined;
    const now = performance.now();
    for (const request of open) {
      if (request.answerBy > now) break;
      open.delete(request);
      leave(waiting, request);
      request.reject(refusal("unavailable", `not on disk within ${ANSWER_WITHIN_MS} ms; it may be stored`));
    }
    if (open.size > 0) overdue = setTimeout(refuseOverdue, OVERDUE_CHECK_MS);
  }

  function schedule(): void {
    if (waiting.requests.size === 0 || writes.size >= WRITES_MAX) return;
    if (waiting.events >= JOIN_EVENTS || waiting.bytes >= ENTRY_LIMITS.bytes) return begin();
    // Begins at the earliest in the next turn of the event loop, with all requests that arrived in this one.
    next ??= setTimeout(begin, Math.max(0, begunAt + JOIN_MS - performance.now()));
  }

  function begin(): void {
    clearTimeout(next);
    next = undefined;
    if (writes.size >= WRITES_MAX) return;
    const requests = takeEntry(waiting);
    if (requests.length > 0) {
      begunAt = performance.now();
      const write = answer(requests).finally(() => {
        writes.delete(write);
        schedule();
      });
      writes.add(write);
    }
    schedule();
  }

  async function answer(requests: Request[]): Promise<void> {
    try {
      const durability = await writeEntry(deps, requests);
      for (const { resolve } of requests) resolve(durability);
    } catch (error) {
      for (const { reject } of requests) reject(error);
    } finally {
      for (const request of requests) open.delete(request);
    }
  }

  return {
    submit,
    async drained() {
      schedule();
      while (writes.size > 0 || waiting.requests.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, JOIN_MS));
      }
    },
  };
}

/** Takes whole requests off the waiting ones, in order, up to the limits of one entry. */
function takeEntry(waiting: Waiting): Request[] {
  const requests: Request[] = [];
  let events = 0;
  let bytes = 0;
  for (const request of waiting.requests) {
    events += request.events.length;
    bytes += request.bytes;
    if (requests.length > 0 && (events > ENTRY_LIMITS.events || bytes > ENTRY_LIMITS.bytes)) break;
    requests.push(request);
  }
  for (const request of requests) leave(waiting, request);
  return requests;
}

function leave(waiting: Waiting, request: Request): void {
  if (!waiting.requests.delete(request)) return;
  waiting.events -= request.events.length;
  waiting.bytes -= request.bytes;
}

function refuseIfDown({ journal, producer, policy }: FlusherDeps): void {
  const problem = journal.problem() ?? (policy === "strict" ? redisProblem(producer.state()) : undefined);
  if (problem !== undefined) throw refusal("unavailable", problem);
}

/** What is wrong with Redis, in one line; undefined if it is durable. */
export function redisProblem(state: ProducerState): string | undefined {
  if (state.ok) return undefined;
  if (state.reason === "unreachable") return "Redis does not answer";
  if (state.reason === "full") {
    const { usedBytes, limitBytes } = state.room;
    return `Redis is full: ${usedBytes} of ${limitBytes} bytes; it accepts more once the backlog is counted`;
  }
  const problems = state.problems.map(
    ({ setting, value, right }) => `${setting} is ${value}, must be ${right}`,
  );
  return `Redis may lose entries: ${problems.join("; ")}`;
}

/** Writes one entry to the journal and to Redis concurrently; the answer waits for both. */
async function writeEntry(deps: FlusherDeps, requests: Request[]): Promise<Durability> {
  const { journal, producer, outstanding, policy } = deps;
  refuseIfDown(deps);
  await faultPoint("collector.beforeEntry");
  const batch: UsageBatch = {
    collectorNo: deps.collectorNo(),
    seq: journal.reserve(),
    received: requests.reduce((least, { received }) => Math.min(least, received), Infinity),
    events: requests.length === 1 ? requests[0]!.events : requests.flatMap(({ events }) => events),
  };
  const { seq, received } = batch;
  const entry = encodeBatch(batch);
  outstanding.opened(seq, received);
  const [kept, queued] = await Promise.allSettled([
    journal.append(seq, received, Buffer.from(JSON.stringify(entry))),
    producer.state().ok ? enqueue(producer, entry) : Promise.reject(new Error("Redis is not durable")),
  ]);
  if (kept.status === "rejected") {
    outstanding.dropped(seq);
    throw refusal("unavailable", `the journal: ${(kept.reason as Error).message}`);
  }
  outstanding.stored(seq, kept.value, queued.status === "fulfilled");
  await faultPoint("collector.afterEntry");
  if (queued.status === "fulfilled") return "journal+redis";
  if (policy === "journal") return "journal";
  throw refusal("unavailable", `${(queued.reason as Error).message}; it may be stored`);
}

async function enqueue(producer: Pick<Producer, "add">, entry: UsageJob): Promise<void> {
  await faultPoint("collector.beforeRedisAdd");
  await producer.add(entry);
  await faultPoint("collector.afterRedisAdd");
}
