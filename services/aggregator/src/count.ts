import { accountOf, eventKey, foldBatch, hourOf, type Micros, type UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import { faultPoint } from "@quarterpast/runtime";
import {
  addUsage,
  findAccountRules,
  findConflicting,
  inBatch,
  insertConflicts,
  insertEvents,
  insertFreshEvents,
  insertQuarantine,
  insertReceipt,
  isRepeat,
  type BatchOpening,
  type Db,
  type Heard,
  type Pool,
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
import { createKnown, type Known } from "./known.js";

export interface CountDeps {
  pool: Pool;
  now: () => Micros;
  /** This process's cache; created for only this call if absent. */
  known?: Known;
}

/**
 * Counts a batch in one transaction: each event once, the additions to its hour, a receipt (SPEC 2). Running it again
 * changes nothing. Errors leave nothing behind.
 * @param poison events the database refuses: they wait in quarantine as received.
 */
export async function countBatch(
  deps: CountDeps,
  batch: UsageBatch,
  poison: readonly PoisonEvent[] = [],
): Promise<Receipt> {
  const known = deps.known ?? createKnown(deps.pool, () => 0);
  const once = (isFresh: boolean) => countOnce({ ...deps, known }, { batch, poison, isFresh });
  try {
    if (!known.triesFresh()) return await once(false);
    return await once(true).catch((error: unknown) => {
      if (!isRepeat(error)) throw error;
      known.metRepeat();
      return once(false);
    });
  } catch (error) {
    known.forget();
    throw error;
  }
}

async function countOnce(
  { pool, known, now }: CountDeps & { known: Known },
  { batch, poison, isFresh }: Pick<Counting, "batch" | "poison" | "isFresh">,
): Promise<Receipt> {
  const sources = await known.sources(sourcesOf(batch, poison));
  return inBatch(pool, known.horizon(), (db, opening) => {
    known.refresh(opening);
    return countIn(db, { batch, poison, sources, opening, known, now: now(), isFresh });
  });
}

/** Does everything {@link countBatch} does and rolls it back. @throws the database's error if it would fail. */
export async function rehearseBatch({ pool, now }: CountDeps, batch: UsageBatch): Promise<void> {
  const takenBack = new Error("taken back");
  const known = createKnown(pool, () => 0);
  const sources = await known.sources(sourcesOf(batch, []));
  await inBatch(pool, 0n, async (db, opening) => {
    await countIn(db, { batch, poison: [], sources, opening, known, now: now(), isFresh: false });
    throw takenBack;
  }).catch((error: unknown) => {
    if (error !== takenBack) throw error;
  });
}

function sourcesOf({ events }: UsageBatch, poison: readonly PoisonEvent[]): string[] {
  return [...new Set([...events, ...poison].map((event) => event.source))];
}

interface Counting {
  batch: UsageBatch;
  poison: readonly PoisonEvent[];
  sources: ReadonlyMap<string, number>;
  opening: BatchOpening;
  known: Known;
  now: Micros;
  /** Inserts as if all events were new; if one is not, the whole is rolled back. */
  isFresh: boolean;
}

async function countIn(db: Db, counting: Counting): Promise<Receipt> {
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

/**
 * Splits a sorted batch into the first event of each identity and the repeats, because one statement cannot insert a
 * key twice.
 */
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

/**
 * The accounts named by lasting rules for events for which several accounts have a live instance; undefined if there
 * are none.
 */
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

/**
 * Overlapping batches that are not sorted by key deadlock; sorted ones never (failures.md 2.34). Equal keys keep
 * their order.
 */
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
    // Usually the same as the previous one, which saves building the text.
    if (last?.sourceNo === sourceNo && last.meter === meter && last.hour === hour) continue;
    heard.set(`${sourceNo} ${hour} ${meter}`, (last = { sourceNo, meter, hour }));
  }
  return [...heard.values()];
}
