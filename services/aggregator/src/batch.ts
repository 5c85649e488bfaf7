import { accountOf, eventKey, foldBatch, hourOf, type Micros, type UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import { faultPoint } from "@quarterpast/runtime";
import {
  addUsage,
  findAccountRules,
  findConflicting,
  insertConflicts,
  insertEvents,
  insertFreshEvents,
  insertQuarantine,
  insertReceipt,
  type BatchOpening,
  type Db,
  type Heard,
  type Receipt,
} from "@quarterpast/store";
import {
  bindEvent,
  bindPoison,
  toCounted,
  toRow,
  type BoundEvent,
  type KeyedEvent,
  type PoisonEvent,
  type Whose,
} from "./bind.js";
import type { Known } from "./known.js";

/** A batch in its transaction. */
export interface Counting {
  batch: UsageBatch;
  poison: readonly PoisonEvent[];
  sources: ReadonlyMap<string, number>;
  opening: BatchOpening;
  known: Known;
  now: Micros;
  /** Inserts as all events were new; if one is not, the whole is rolled back. */
  isFresh: boolean;
}

/**
 * Counts a batch in the caller's transaction, whose opening holds the locks: identities, bindings, events once, what
 * conflicts or waits, hours, receipt.
 */
export async function countIn(db: Db, counting: Counting): Promise<Receipt> {
  const { batch, poison, sources, opening, now } = counting;
  const { first, repeats } = firstOfEach(sortByIdentity(keyAll(batch.events, sources)));
  const usable = await bind(db, counting, first);
  const bound =
    poison.length === 0
      ? usable
      : sortByIdentity([...usable, ...poison.map((event) => bindPoison(event, sources))]);
  const rows = bound.map((event) => toRow(event, opening.openHours));
  await faultPoint("aggregator.beforeEvents");
  const present = counting.isFresh ? await insertFreshEvents(db, rows) : await insertEvents(db, rows);
  const already = new Set(present);
  const fresh = bound.map((event, at) => ({ event, row: rows[at]! })).filter((_, at) => !already.has(at));

  const repeated = repeats.map((event) => toRow(unbound(event), opening.openHours));
  const conflicting = await findConflicting(db, [...present.map((at) => rows[at]!), ...repeated]);
  await insertConflicts(db, conflicting, now);

  const waiting = fresh.filter(({ row }) => row.instanceNo === null);
  await insertQuarantine(
    db,
    waiting.map(({ event, row }) => ({ ...row, reason: event.reason!, raw: event.raw })),
    now,
  );
  const counted = fresh.filter(({ row }) => row.instanceNo !== null);
  await faultPoint("aggregator.beforeUsage");
  await addUsage(db, foldBatch(counted.map(({ event, row }) => toCounted(event, row))));
  const receipt: Receipt = {
    collectorNo: batch.collectorNo,
    seq: batch.seq,
    counted: counted.length,
    duplicates: batch.events.length + poison.length - fresh.length - conflicting.length,
    conflicts: conflicting.length,
    quarantined: waiting.length,
  };
  await faultPoint("aggregator.beforeReceipt");
  await insertReceipt(db, receipt, heardIn(bound), now);
  await faultPoint("aggregator.beforeCommit");
  return receipt;
}

function keyAll(events: readonly UsageEvent[], sources: ReadonlyMap<string, number>): KeyedEvent[] {
  return events.map((event) => ({ event, key: eventKey(event.id), sourceNo: sources.get(event.source)! }));
}

/** Splits a sorted batch into the first event of each identity and the repeats: one statement cannot insert a key twice. */
function firstOfEach(sorted: readonly KeyedEvent[]): { first: KeyedEvent[]; repeats: KeyedEvent[] } {
  const first: KeyedEvent[] = [];
  const repeats: KeyedEvent[] = [];
  let last: KeyedEvent | undefined;
  for (const one of sorted) {
    const isRepeat = last !== undefined && last.key === one.key && last.sourceNo === one.sourceNo;
    (isRepeat ? repeats : first).push(one);
    last = one;
  }
  return { first, repeats };
}

async function bind(db: Db, { known }: Counting, keyed: readonly KeyedEvent[]): Promise<BoundEvent[]> {
  const subjects = new Set<string>();
  const names = new Set<string>();
  const named = new Set<string>();
  for (const { event } of keyed) {
    subjects.add(event.subject);
    names.add(event.meter);
    const account = event.extensions && accountOf(event);
    if (account !== undefined) named.add(account);
  }
  const lives = await known.lives(db, subjects);
  const meters = await known.meters(db, names);
  const whose = { accounts: await known.accounts(db, named) };
  const bindBy = (one: KeyedEvent, by: Whose) =>
    bindEvent(one, lives.get(one.event.subject) ?? [], meters.get(one.event.meter), by);
  const bound = keyed.map((one) => bindBy(one, whose));
  const chosen = await chooseAccounts(db, bound);
  if (chosen === undefined) return bound;
  return bound.map((one) =>
    one.reason === "ambiguous_account" ? bindBy(one, { ...whose, chosen: chosen(one.event) }) : one,
  );
}

/** What the lasting rules say of events for which several accounts have a live instance; undefined if none is such. */
async function chooseAccounts(
  db: Db,
  bound: readonly BoundEvent[],
): Promise<((event: UsageEvent) => string | undefined) | undefined> {
  const ambiguous = bound.filter(({ reason }) => reason === "ambiguous_account");
  if (ambiguous.length === 0) return undefined;
  const rules = await findAccountRules(db, {
    subjects: [...new Set(ambiguous.map(({ event }) => event.subject))],
    sources: [...new Set(ambiguous.map(({ event }) => event.source))],
  });
  const bySubject = new Map(rules.map(({ subject, account }) => [subject, account]));
  const bySource = new Map(rules.map(({ source, account }) => [source, account]));
  return ({ subject, source }) => bySubject.get(subject) ?? bySource.get(source);
}

/** Overlapping batches that are not sorted by key deadlock; sorted ones never (failures.md 2.34). Equal keys keep their order. */
function sortByIdentity<T extends KeyedEvent>(events: T[]): T[] {
  return events.sort((a, b) => a.sourceNo - b.sourceNo || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function unbound(keyed: KeyedEvent): BoundEvent {
  const account = accountOf(keyed.event);
  return { ...keyed, binding: undefined, meter: undefined, reason: undefined, account };
}

function heardIn(bound: readonly BoundEvent[]): Heard[] {
  const heard = new Map<string, Heard>();
  let last: Heard | undefined;
  for (const { sourceNo, event } of bound) {
    const { meter } = event;
    const hour = hourOf(event.time);
    // Mostly it is the one before: no text is made for it.
    if (last?.sourceNo === sourceNo && last.meter === meter && last.hour === hour) continue;
    heard.set(`${sourceNo} ${hour} ${meter}`, (last = { sourceNo, meter, hour }));
  }
  return [...heard.values()];
}
