import type { ProductClock } from "../clock.js";
import type { Registry } from "../rules/instances.js";
import { judge } from "../rules/validate.js";
import type { Book } from "./book.js";
import type { Entry } from "./entry.js";
import type { Journal } from "./journal.js";
import type { CollectedLine, VerdictLine } from "./lines.js";

const CHUNK = 1000;

export type EngineParts = {
  book: Book;
  journal: Journal;
  registry: Registry;
  clock: ProductClock;
  realNow: () => number;
};

export type Engine = {
  /** Checks what is due (with `all` everything waiting), then collects; calls run one after the other. */
  tick(all?: boolean): Promise<void>;
};

/** The marketplace's background work: the check of accepted records and the collection into bills. */
export function createEngine({ book, journal, registry, clock, realNow }: EngineParts): Engine {
  let last: Promise<void> = Promise.resolve();
  /** Judged but not on disk yet; judging them again would collide with their own claims. */
  let unsaved: VerdictLine[] = [];

  function judgeChunk(entries: Entry[], product: number): VerdictLine {
    const line: VerdictLine = { kind: "verdict", ...stamp(product), normal: [], abnormal: [] };
    for (const entry of entries) {
      const code = judge(entry, registry, book.claims);
      book.claims.note(entry, code === null);
      if (code === null) line.normal.push(entry.seq);
      else line.abnormal.push([entry.seq, code]);
    }
    return line;
  }

  async function check(product: number, all: boolean): Promise<void> {
    const due = book.takeDue(realNow(), product, all);
    for (let from = 0; from < due.length; from += CHUNK) {
      unsaved.push(judgeChunk(due.slice(from, from + CHUNK), product));
    }
    while (unsaved[0]) {
      await journal.append([unsaved[0]]);
      book.applyVerdict(unsaved[0]);
      unsaved = unsaved.slice(1);
    }
  }

  async function collect(product: number): Promise<void> {
    for (let due = book.dueCollection(product); due; due = book.dueCollection(product)) {
      const lines: CollectedLine[] = [];
      const moment = new Date(due.moment).toISOString();
      for (let from = 0; from < due.entries.length; from += CHUNK) {
        const records = due.entries.slice(from, from + CHUNK).map((entry) => entry.seq);
        lines.push({ kind: "collected", at: new Date(realNow()).toISOString(), moment, records });
      }
      await journal.append(lines);
      lines.forEach((line) => book.applyCollected(line));
    }
  }

  function stamp(product: number) {
    return { at: new Date(realNow()).toISOString(), product: new Date(product).toISOString() };
  }

  return {
    tick(all = false) {
      const next = last.then(async () => {
        const product = clock.now();
        await check(product, all);
        await collect(product);
      });
      last = next.catch(() => undefined);
      return next;
    },
  };
}
