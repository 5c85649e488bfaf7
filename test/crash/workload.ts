import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "./random.js";

/** What an event does to an earlier one of its source: amends or cancels the event with that id. */
export type TruthCorrection = ["corrects" | "cancels", string];

/** `[source, id, subject, meter, time, quantity, value, correction]`, as in the truth log. */
export type TruthEvent = [
  source: string,
  id: string,
  subject: string,
  meter: string,
  time: string,
  quantity: string | null,
  value: string | null,
  correction?: TruthCorrection,
];

export interface Subject {
  subject: string;
  meter: string;
  aggregation: "sum" | "count" | "max" | "unique";
}

export interface WorkloadOptions {
  random: Random;
  truthPath: string;
  token: string;
  /** Addresses of collectors, through their proxies. */
  targets: { name: string; url: string }[];
  subjects: Subject[];
  /** Product time in milliseconds. */
  productNow: () => number;
  senders: number;
  /** Target rate, events per second. */
  rate: () => number;
}

/** The results of sending so far. */
export interface WorkloadState {
  sent: number;
  /** Events of requests answered with 202, each counted once. */
  acknowledged: number;
  /** Open requests by target. */
  pending: Map<string, number>;
  lastAckAt: number;
  replies: Map<number, number>;
}

export interface Workload {
  state: WorkloadState;
  start(): void;
  /** Creates no new batches; resolves when all created ones are acknowledged. */
  finish(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

interface Batch {
  no: number;
  events: TruthEvent[];
  tries: number;
}

const TIMEOUT_MS = 5_000;
const RECENT = 4_000;
/** After an outage, at most this much time is caught up. */
const CATCH_UP_MS = 10_000;

/** Sends usage and writes down every send and every reply; repeats each batch with the same ids until it is taken. */
export function createWorkload(options: WorkloadOptions): Workload {
  const { random, targets } = options;
  const log = createWriteStream(options.truthPath, { flags: "a" });
  const write = (line: object) => void log.write(`${JSON.stringify(line)}\n`);
  const recent: TruthEvent[] = [];
  const state: WorkloadState = {
    sent: 0,
    acknowledged: 0,
    pending: new Map(targets.map(({ name }) => [name, 0])),
    lastAckAt: 0,
    replies: new Map(),
  };
  let made = 0;
  let batches = 0;
  let isMaking = true;
  let due = 0;
  const running: Promise<void>[] = [];

  function makeBatch(): Batch {
    const events = Array.from({ length: random.int(50, 500) }, makeEvent);
    const batch = { no: (batches += 1), events, tries: 0 };
    write({ k: "batch", b: batch.no, events });
    return batch;
  }

  function makeEvent(): TruthEvent {
    made += 1;
    const old = recent.length > 100 ? random.pick(recent) : undefined;
    if (old && random.chance(0.02)) return old;
    if (old && random.chance(0.004)) return correctionOf(old);
    if (old && old[7] === undefined && random.chance(0.003))
      return [old[0], old[1], old[2], old[3], old[4], "31337.5", old[6]];
    const event = freshEvent();
    if (recent.length < RECENT) recent.push(event);
    else recent[random.int(0, RECENT - 1)] = event;
    return event;
  }

  /** The target may not be counted yet, or be corrected already: then the correction waits, or is refused. */
  function correctionOf(old: TruthEvent): TruthEvent {
    const [source, id, subject, meter, , quantity] = old;
    const time = new Date(options.productNow()).toISOString();
    const correction = makeId(random, made);
    const event: TruthEvent =
      quantity === null || random.chance(0.3)
        ? [source, correction, subject, meter, time, null, null, ["cancels", id]]
        : [source, correction, subject, meter, time, makeQuantity(random), null, ["corrects", id]];
    // A mistaken correction is corrected itself.
    recent[random.int(0, recent.length - 1)] = event;
    return event;
  }

  function freshEvent(): TruthEvent {
    const { subject, meter, aggregation } = random.pick(options.subjects);
    const late = random.chance(0.03) ? random.int(0, 2 * 3_600_000) : random.int(0, 20_000);
    const time = new Date(options.productNow() - late).toISOString();
    const quantity = aggregation === "count" ? null : makeQuantity(random);
    const value = aggregation === "unique" ? `user-${random.int(1, 400)}` : null;
    return [`gen-${random.int(0, 3)}`, makeId(random, made), subject, meter, time, quantity, value];
  }

  async function deliver(batch: Batch): Promise<void> {
    for (;;) {
      const target = random.pick(targets);
      batch.tries += 1;
      const send = { b: batch.no, n: batch.tries, to: target.name };
      write({ k: "send", ...send, at: Date.now() });
      state.pending.set(target.name, state.pending.get(target.name)! + 1);
      const reply = await post(target.url, options.token, batch.events);
      state.pending.set(target.name, state.pending.get(target.name)! - 1);
      write({ k: "reply", ...send, ...reply, at: Date.now() });
      state.replies.set(reply.status, (state.replies.get(reply.status) ?? 0) + 1);
      const again = (reply.rejected ?? []).filter(([, , retryable]) => retryable);
      if ([202, 207].includes(reply.status) && again.length === 0) {
        state.acknowledged += batch.events.length;
        state.lastAckAt = Date.now();
        return;
      }
      if (reply.status >= 400 && reply.status < 500 && reply.status !== 429 && reply.status !== 401) return;
      await sleep(random.int(50, 400));
    }
  }

  async function sender(): Promise<void> {
    while (isMaking) {
      if (due > Date.now()) {
        await sleep(Math.min(100, due - Date.now()));
        continue;
      }
      const batch = makeBatch();
      due = Math.max(due, Date.now() - CATCH_UP_MS) + (batch.events.length / options.rate()) * 1_000;
      state.sent += batch.events.length;
      await deliver(batch);
      // Sends the same batch again although it was taken, like a client that lost the reply.
      if (random.chance(0.04)) await deliver({ ...batch, tries: 100 });
    }
  }

  return {
    state,
    start() {
      due = Date.now();
      for (let each = 0; each < options.senders; each += 1) running.push(sender());
    },
    async finish(withinMs) {
      isMaking = false;
      const all = Promise.all(running).then(() => true);
      return Promise.race([all, sleep(withinMs, false)]);
    },
    close: () => new Promise((resolve) => log.end(() => resolve())),
  };
}

function makeQuantity(random: Random): string {
  const decimals = random.int(0, 6);
  const digits = String(random.int(0, 9_999_999)).padStart(decimals + 1, "0");
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Half of the ids are UUIDv7, half are arbitrary text. */
function makeId(random: Random, made: number): string {
  if (random.chance(0.5)) return `event ${made} · ${random.int(0, 1e9).toString(36)}`;
  const hex = createHash("sha256").update(`${made} ${random.next()}`).digest("hex");
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}

interface Reply {
  status: number;
  rejected?: [index: number, code: string, retryable: boolean][];
  error?: string;
}

async function post(url: string, token: string, events: readonly TruthEvent[]): Promise<Reply> {
  const body = events.map(([source, id, subject, type, time, quantity, value, correction]) => ({
    specversion: "1.0",
    id,
    source,
    subject,
    type,
    time,
    ...(correction && { [correction[0]]: correction[1] }),
    data: { ...(quantity !== null && { quantity }), ...(value !== null && { value }) },
  }));
  try {
    const response = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/cloudevents-batch+json",
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const { rejected } = JSON.parse(text) as {
      rejected?: { index: number; code: string; retryable: boolean }[];
    };
    if (!rejected) return { status: response.status, error: text.slice(0, 200) };
    return {
      status: response.status,
      rejected: rejected.map(({ index, code, retryable }) => [index, code, retryable]),
    };
  } catch (error) {
    return { status: 0, error: String((error as { cause?: unknown }).cause ?? error).slice(0, 200) };
  }
}

/** The seed of a run without a given one. */
export function anySeed(): number {
  return createRandom(Date.now()).int(1, 2 ** 31 - 1);
}
