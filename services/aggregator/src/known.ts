import type { Meter } from "@quarterpast/domain";
// Evicts the least recently used subjects; a plain Map could only drop all of them at once.
import { LRUCache } from "lru-cache";
import {
  ensureSources,
  findBindings,
  listAccounts,
  listMeters,
  type BatchOpening,
  type Binding,
  type Db,
  type Pool,
} from "@quarterpast/store";

/** A cache of what batches need repeatedly, never older than the transaction that uses it. */
export interface Known {
  /** The horizon for the next batch: all earlier changes are known. */
  horizon(): bigint;
  /** Forgets what has changed according to the opening of a batch. */
  refresh(opening: BatchOpening): void;
  /**
   * Numbers of sources; new ones are created outside the batch's transaction, because a number is never taken back.
   */
  sources(names: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Lives of all accounts by subject. */
  lives(db: Db, subjects: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly Binding[]>>;
  /** Codes of existing accounts, including those among the names. */
  accounts(db: Db, names: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  /** Existing meters by code, including those among the names. */
  meters(db: Db, names: ReadonlySet<string>): Promise<ReadonlyMap<string, Meter>>;
  /** Whether the next batch is inserted as if all of its events were new: yes, except for a while after a repeat. */
  triesFresh(): boolean;
  /** A batch that was inserted as new had a repeat. */
  metRepeat(): void;
  /** Forgets everything: after an error it is unknown which database answers next. */
  forget(): void;
}

/** Subjects that are kept at once; beyond it those asked for longest ago are forgotten and read again. */
const SUBJECTS_MAX = 200_000;
/** Changes are stored for longer than this; real milliseconds. */
const IDLE_MAX_MS = 600_000;
/** Repeats come in runs: after one, this many batches check for repeats before the next is inserted as new. */
const ASKED_AFTER_REPEAT = 16;

/**
 * Creates the cache of one process. A read that was running while something changed serves its own batch, whose
 * transaction began before, but is not cached.
 * @param monotonicMs real milliseconds
 */
export function createKnown(pool: Pool, monotonicMs: () => number, subjectsMax = SUBJECTS_MAX): Known {
  let sources = new Map<string, number>();
  const lives = new LRUCache<string, readonly Binding[]>({ max: subjectsMax });
  let accounts = new Set<string>();
  let meters = new Map<string, Meter>();
  let horizon = 0n;
  let changes = 0;
  let askedAt = -Infinity;
  let toAsk = 0;

  function forget(): void {
    sources = new Map();
    lives.clear();
    accounts = new Set();
    meters = new Map();
    horizon = 0n;
    changes += 1;
  }

  return {
    horizon: () => horizon,
    forget,
    triesFresh() {
      if (toAsk === 0) return true;
      toAsk -= 1;
      return false;
    },
    metRepeat: () => void (toAsk = ASKED_AFTER_REPEAT),
    refresh(opening) {
      const now = monotonicMs();
      // A restored database counts its transactions from further back.
      if (opening.horizon < horizon || now - askedAt > IDLE_MAX_MS) forget();
      askedAt = now;
      if (opening.horizon > horizon) horizon = opening.horizon;
      for (const { subject } of opening.changes) lives.delete(subject);
      if (opening.changes.length > 0) changes += 1;
    },
    async sources(names) {
      const unknown = names.filter((name) => !sources.has(name));
      if (unknown.length === 0) return sources;
      const found = await ensureSources(pool, unknown);
      for (const [name, no] of found) sources.set(name, no);
      return sources;
    },
    async lives(db, subjects) {
      // A separate map, because other batches clear the cache meanwhile.
      const mine = new Map<string, readonly Binding[]>();
      const unknown: string[] = [];
      for (const subject of subjects) {
        const known = lives.get(subject);
        if (known) mine.set(subject, known);
        else unknown.push(subject);
      }
      if (unknown.length === 0) return mine;
      const before = changes;
      const found = new Map<string, Binding[]>(unknown.map((subject) => [subject, []]));
      for (const binding of await findBindings(db, unknown)) found.get(binding.subject)!.push(binding);
      for (const [subject, bindings] of found) {
        mine.set(subject, bindings);
        if (before === changes) lives.set(subject, bindings);
      }
      return mine;
    },
    async accounts(db, names) {
      if (![...names].every((name) => accounts.has(name))) {
        accounts = new Set((await listAccounts(db)).map(({ code }) => code));
      }
      return accounts;
    },
    async meters(db, names) {
      if (![...names].every((name) => meters.has(name))) {
        meters = new Map((await listMeters(db)).map((meter) => [meter.code, meter]));
      }
      return meters;
    },
  };
}
