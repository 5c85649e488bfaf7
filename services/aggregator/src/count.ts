import { foldBatch, hourOf, type Meter, type Micros, type UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import { faultPoint } from "@quarterpast/runtime";
import {
  addUsage,
  ensureSources,
  findBindings,
  findConflicting,
  insertConflicts,
  insertEvents,
  insertQuarantine,
  insertReceipt,
  inTransaction,
  listMeters,
  lockOpenHours,
  markHeard,
  type Db,
  type EventRow,
  type Pool,
  type Receipt,
} from "@quarterpast/store";
import { bindEvents, bindPoison, toCounted, toRow, type BoundEvent, type PoisonEvent } from "./bind.js";

export interface CountDeps {
  pool: Pool;
  now: () => Micros;
}

/**
 * Counts a batch in one transaction: each event once, its hour added to, a receipt (design, rule 2). Running it again
 * changes nothing. Errors leave nothing behind.
 * @param poison events the database refuses: they wait in quarantine as they came.
 */
export async function countBatch(
  deps: CountDeps,
  batch: UsageBatch,
  poison: readonly PoisonEvent[] = [],
): Promise<Receipt> {
  const sources = await numberSources(deps.pool, batch, poison);
  return inTransaction(deps.pool, (db) => countIn(db, batch, poison, sources, deps.now()));
}

/** Does all of {@link countBatch} and takes it back. @throws the database's error where it would not go through. */
export async function rehearseBatch(deps: CountDeps, batch: UsageBatch): Promise<void> {
  const takenBack = new Error("taken back");
  const sources = await numberSources(deps.pool, batch, []);
  await inTransaction(deps.pool, async (db) => {
    await countIn(db, batch, [], sources, deps.now());
    throw takenBack;
  }).catch((error: unknown) => {
    if (error !== takenBack) throw error;
  });
}

function numberSources(
  pool: Pool,
  { accountNo, events }: UsageBatch,
  poison: readonly PoisonEvent[],
): Promise<Map<string, number>> {
  return ensureSources(pool, accountNo, [...new Set([...events, ...poison].map((event) => event.source))]);
}

async function countIn(
  db: Db,
  batch: UsageBatch,
  poison: readonly PoisonEvent[],
  sources: ReadonlyMap<string, number>,
  now: Micros,
): Promise<Receipt> {
  const { first, repeats } = firstOfEach(batch.events);
  const usable = await bind(db, batch.accountNo, first, sources);
  const bound = sortByIdentity([...usable, ...poison.map((event) => bindPoison(event, sources))]);
  const openHours = await lockOpenHours(
    db,
    bound.flatMap(({ binding }) => (binding ? [binding.shard] : [])),
  );
  const rows = bound.map((event) => toRow(event, openHours));
  await faultPoint("aggregator.beforeEvents");
  const present = await insertEvents(db, rows, batch.received);
  const known = new Set(present);
  const fresh = bound.map((event, at) => ({ event, row: rows[at]! })).filter((_, at) => !known.has(at));

  const repeated = repeats.map((event) => repeatRow(event, sources));
  const conflicting = await findConflicting(db, [...present.map((at) => rows[at]!), ...repeated]);
  await insertConflicts(db, conflicting, now);

  const waiting = fresh.filter(({ row }) => row.instanceNo === null);
  await insertQuarantine(
    db,
    batch.accountNo,
    waiting.map(({ event, row }) => ({ ...row, reason: event.reason!, raw: event.raw })),
    now,
  );
  const counted = fresh.filter(({ row }) => row.instanceNo !== null);
  await faultPoint("aggregator.beforeUsage");
  await addUsage(db, foldBatch(counted.map(({ event, row }) => toCounted(event, row))));
  await markHeard(db, heardIn(bound));
  const receipt: Receipt = {
    collectorNo: batch.collectorNo,
    seq: batch.seq,
    counted: counted.length,
    duplicates: batch.events.length + poison.length - fresh.length - conflicting.length,
    conflicts: conflicting.length,
    quarantined: waiting.length,
  };
  await faultPoint("aggregator.beforeReceipt");
  await insertReceipt(db, receipt, now);
  await faultPoint("aggregator.beforeCommit");
  return receipt;
}

/** Splits a batch into the first event of each identity and the repeats: one statement cannot insert a key twice. */
function firstOfEach(events: readonly UsageEvent[]): { first: UsageEvent[]; repeats: UsageEvent[] } {
  const seen = new Set<string>();
  const first: UsageEvent[] = [];
  const repeats: UsageEvent[] = [];
  for (const event of events) {
    const identity = `${event.key}${event.source}`;
    (seen.has(identity) ? repeats : first).push(event);
    seen.add(identity);
  }
  return { first, repeats };
}

async function bind(
  db: Db,
  accountNo: number,
  events: readonly UsageEvent[],
  sources: ReadonlyMap<string, number>,
): Promise<BoundEvent[]> {
  const pairs = new Map(events.map(({ subject, meter }) => [`${meter}\n${subject}`, { subject, meter }]));
  const wanted = [...pairs.values()];
  const bindings = await findBindings(
    db,
    accountNo,
    wanted.map((pair) => pair.subject),
    wanted.map((pair) => pair.meter),
  );
  const meters = new Map((await listMeters(db)).map((meter): [string, Meter] => [meter.code, meter]));
  return bindEvents(events, sources, bindings, meters);
}

/** Overlapping batches that are not sorted by key deadlock; sorted ones never (design, measured facts). */
function sortByIdentity(events: BoundEvent[]): BoundEvent[] {
  return events.sort((a, b) => a.sourceNo - b.sourceNo || (a.event.key < b.event.key ? -1 : 1));
}

function repeatRow(event: UsageEvent, sources: ReadonlyMap<string, number>): EventRow {
  const unbound = {
    event,
    sourceNo: sources.get(event.source)!,
    binding: undefined,
    meter: undefined,
    reason: undefined,
  };
  return toRow(unbound, new Map());
}

function heardIn(bound: readonly BoundEvent[]): { sourceNo: number; meter: string; hour: Micros }[] {
  const heard = new Map(
    bound.map(({ sourceNo, event }) => {
      const hour = hourOf(event.time);
      return [`${sourceNo} ${hour} ${event.meter}`, { sourceNo, meter: event.meter, hour }];
    }),
  );
  return [...heard.values()];
}
