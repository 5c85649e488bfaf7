import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProductClock } from "../clock.js";
import type { Registry } from "../rules/instances.js";
import type { Book } from "./book.js";
import type { CallLog } from "./calls.js";
import { openJournal, type Journal } from "./journal.js";
import { STORE_VERSION, type Line } from "./lines.js";

export type Replayed = { book: Book; calls: CallLog; registry: Registry; clock: ProductClock };

/** The raw store's file inside a data folder. */
export const STORE_FILE = "sandbox.ndjson";

/** Opens the raw store and restores the given state from the file; records not yet checked are due immediately. */
export async function openStore(dataDir: string, state: Replayed): Promise<Journal> {
  await mkdir(dataDir, { recursive: true });
  let lines = 0;
  const journal = await openJournal(join(dataDir, STORE_FILE), (line) => {
    lines += 1;
    apply(line as Line, state);
  });
  state.book.settleReplay();
  if (lines === 0) await journal.append([{ kind: "sandbox", version: STORE_VERSION }]);
  return journal;
}

function apply(line: Line, { book, calls, registry, clock }: Replayed): void {
  switch (line.kind) {
    case "sandbox":
      if (line.version !== STORE_VERSION) {
        throw new Error(`the store is of version ${line.version}, this sandbox reads ${STORE_VERSION}`);
      }
      return;
    case "call":
      calls.note(line);
      return book.admit(line, 0);
    case "verdict":
      return book.applyVerdict(line);
    case "collected":
      return book.applyCollected(line);
    case "instance":
      return registry.set(line.id, line.instance);
    case "clock":
      return clock.set({ start: Date.parse(line.start), at: Date.parse(line.at), rate: line.rate });
    default:
      throw new Error("the store holds a line of another kind");
  }
}
