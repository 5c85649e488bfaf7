import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { CloudEvent, Micros } from "@quarterpast/domain/usage";
import { RejectedEvent, SpoolError, type RequestRefused, type UnacknowledgedEvent } from "./errors.js";
import { toCloudEvent, type UsageInput } from "./event.js";
import { createPipeline } from "./pipeline.js";
import { createPost } from "./post.js";
import { retryPolicy, type RetryOptions } from "./retry.js";
import { openSpool, type Spooled, type SpoolOptions } from "./spool/spool.js";
import { uuidV7, type RandomBytes } from "./uuid.js";

export interface UsageClientOptions {
  /** Address of the collector. */
  url: string;
  /** A key with the role `ingest`. */
  apiKey: string;
  /** Identifies the sending service; together with the event id, the identity of an event. */
  source: string;
  /** Code of the seller account that its events name, unless an event names another; none by default. */
  account?: string;
  /** Most events in a call; 1,000 by default, which is also the most the collector accepts. */
  maxBatch?: number;
  /** How long an event waits for others to share its call; 50 ms by default. */
  maxWaitMs?: number;
  /** Most events held until acknowledged; 10,000 by default, never fewer than `maxBatch`. */
  maxBuffered?: number;
  /** Most concurrent calls; 4 by default. */
  maxCalls?: number;
  retry?: RetryOptions;
  /**
   * Keeps every event on this machine's disk from before its first attempt until it is acknowledged or rejected: what
   * a process leaves behind, the next process using the same folder sends under the same ids. A spooled event is
   * never given up, so `retry.forMs` may not be set, and a refused call (a wrong key) is repeated like a failed one.
   */
  spool?: SpoolOptions;
  fetch?: typeof fetch;
  /** Real time, used for the ids it makes and for a Retry-After given as a date. */
  now?: () => Micros;
  random?: RandomBytes;
  /**
   * Called for every recorded event that was not acknowledged in the end; with it, the promises of `record` need not
   * be handled. Required with a spool, because rejected events of earlier processes, and damage, are reported only
   * here.
   */
  onRejected?: (error: SendError) => void;
  /** Called after every failed attempt, with the pause before the next one. */
  onRetry?: (cause: unknown, pauseMs: number) => void;
}

/** Why an event was not acknowledged. */
export type SendError = RejectedEvent | RequestRefused | UnacknowledgedEvent | SpoolError;

/** The result for the events of one `send`. */
export interface SendResult {
  accepted: number;
  /** In the order of the call. */
  rejected: RejectedEvent[];
}

/**
 * Sends usage events to the collector in batches and repeats each until it is acknowledged, with the same ids at
 * every attempt.
 */
export interface UsageClient {
  /**
   * Sends one event. The promise settles when the event is acknowledged, or rejects with a {@link SendError}.
   * While the buffer is full, the event waits to enter it.
   */
  record(input: UsageInput): Promise<void>;
  /**
   * Spools one event: resolves when it is on this machine's disk, without waiting for the collector. A rejection by
   * the collector is reported to `onRejected`. Only with `spool`.
   * @returns the id of the event, to use again if it must be given a second time
   * @throws SpoolError `full`, `failed`: it is not kept
   */
  store(input: UsageInput): Promise<string>;
  /** Resolves when the buffer has room: await it before each `record` whose promise is not awaited. */
  ready(): Promise<void>;
  /** Sends many at once. Rejected events are in the result; any other {@link SendError} rejects the promise. */
  send(inputs: readonly UsageInput[]): Promise<SendResult>;
  /** Like `send`, for events that are CloudEvents already: they keep their own source. */
  sendCloudEvents(events: readonly CloudEvent[]): Promise<SendResult>;
  /** Sends what is buffered, and resolves when everything given before has settled. */
  flush(): Promise<void>;
  /**
   * Flushes and accepts no more events. What is not acknowledged after `withinMs` (30,000) rejects as unacknowledged.
   */
  close(withinMs?: number): Promise<void>;
}

/**
 * Creates a client.
 * @throws TypeError if `url` is not an address, `source` is empty, or a spool has no `onRejected`.
 * @throws SpoolError `in_use`, `failed` if its folder cannot be used
 */
export function createUsageClient(options: UsageClientOptions): UsageClient {
  const { source, account, maxBatch = 1_000, random = randomBytes, onRejected } = options;
  if (source === "") throw new TypeError("source must not be empty");
  if (options.spool && !onRejected) throw new TypeError("a spool needs onRejected");
  if (options.spool && options.retry?.forMs !== undefined)
    throw new TypeError("retry.forMs cannot be combined with a spool");
  const nowMs = () => (options.now ? options.now() / 1_000 : Date.now());
  const pipeline = createPipeline({
    maxBatch,
    maxWaitMs: options.maxWaitMs ?? 50,
    maxBuffered: options.maxBuffered ?? 10_000,
    maxCalls: options.maxCalls ?? 4,
    post: createPost({ url: options.url, apiKey: options.apiKey, fetch: options.fetch ?? fetch, nowMs }),
    policy: retryPolicy(options.retry),
    random,
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    onRetry: options.onRetry,
    isPatient: options.spool !== undefined,
  });
  const spool = options.spool && openSpool(options.spool);
  const underway = new Set<Promise<unknown>>();
  let isClosed = false;
  let flushes = 0;

  const toEvent = (input: UsageInput) =>
    toCloudEvent(input, { source, account }, () => uuidV7(nowMs(), random));

  async function recordOne(input: UsageInput): Promise<void> {
    assertOpen();
    const event = toEvent(input);
    const [spooled] = spool ? await spool.append([event]) : [];
    await deliverOne(event, spooled);
  }

  async function deliverOne(event: CloudEvent, spooled?: Spooled): Promise<void> {
    const room = pipeline.takeRoom(1);
    if (room) await room;
    await new Promise<void>((resolve, reject) => {
      pipeline.enter(event, 0, (error) => {
        settleSpooled(spooled, error);
        if (error) reject(error);
        else resolve();
      });
      if (flushes > 0) pipeline.push();
    });
  }

  /** Only the collector's answer removes an event from the disk. */
  function settleSpooled(spooled: Spooled | undefined, error?: Error): void {
    if (!error || error instanceof RejectedEvent) spooled?.settled();
  }

  async function store(input: UsageInput): Promise<string> {
    assertOpen();
    if (!spool) throw new TypeError("store needs the option spool");
    const [spooled] = await spool.append([toEvent(input)]);
    sendSpooled(spooled!);
    return spooled!.event.id;
  }

  function sendSpooled(spooled: Spooled): void {
    track(deliverOne(spooled.event, spooled)).catch((error: unknown) => {
      // An event that is not acknowledged stays on disk, so there is nothing to report.
      if (error instanceof RejectedEvent) onRejected!(error);
    });
  }

  async function sendAll(toEvents: () => readonly CloudEvent[]): Promise<SendResult> {
    assertOpen();
    const events = toEvents();
    const result: SendResult = { accepted: 0, rejected: [] };
    const parts: Promise<Error | undefined>[] = [];
    for (let from = 0; from < events.length; from += maxBatch) {
      const part = events.slice(from, from + maxBatch);
      const spooled = spool && (await spool.append(part));
      const room = pipeline.takeRoom(part.length);
      if (room) await room;
      parts.push(sendPart(part, from, result, spooled));
    }
    const failure = (await Promise.all(parts)).find((error) => error !== undefined);
    if (failure) throw failure;
    result.rejected.sort((a, b) => a.index - b.index);
    return result;
  }

  /**
   * Adds the outcome of each event to the result; resolves when all have settled, to the first failure other than a
   * rejection.
   */
  function sendPart(
    part: readonly CloudEvent[],
    from: number,
    result: SendResult,
    spooled?: readonly Spooled[],
  ): Promise<Error | undefined> {
    return new Promise((resolve) => {
      let left = part.length;
      let failure: Error | undefined;
      const settled = (at: number, error?: Error) => {
        settleSpooled(spooled?.[at], error);
        if (error instanceof RejectedEvent) result.rejected.push(error);
        else if (error) failure ??= error;
        else result.accepted += 1;
        left -= 1;
        if (left === 0) resolve(failure);
      };
      part.forEach((event, at) => pipeline.enter(event, from + at, (error) => settled(at, error)));
      pipeline.push();
    });
  }

  function assertOpen(): void {
    if (isClosed) throw new Error("the client is closed");
  }

  function track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    underway.add(settled);
    void settled.then(() => underway.delete(settled));
    // `work` is already being observed; a separate promise keeps Node's warning for callers that ignore a failure.
    return work.then((value) => value);
  }

  function record(input: UsageInput): Promise<void> {
    const recorded = track(recordOne(input));
    if (onRejected) recorded.catch((error: unknown) => onRejected(error as SendError));
    return recorded;
  }

  async function flush(): Promise<void> {
    flushes += 1;
    pipeline.push();
    await Promise.all(underway);
    flushes -= 1;
  }

  async function close(withinMs = 30_000): Promise<void> {
    isClosed = true;
    const timer = setTimeout(() => pipeline.abort(), withinMs);
    await flush();
    clearTimeout(timer);
    await spool?.close();
  }

  if (spool) {
    const { damaged, recovered } = spool;
    const lost = `${damaged} lines of an earlier process cannot be read; their file is kept as *.damaged`;
    if (damaged > 0) queueMicrotask(() => onRejected!(new SpoolError("damaged", lost)));
    for (const spooled of recovered) sendSpooled(spooled);
  }

  return {
    record,
    store: (input) => track(store(input)),
    ready: () => pipeline.ready(),
    send: (inputs) => track(sendAll(() => inputs.map(toEvent))),
    sendCloudEvents: (events) => track(sendAll(() => events)),
    flush,
    close,
  };
}
