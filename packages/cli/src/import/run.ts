import type { UsageClient } from "@quarterpast/client";
import type { Checkpoint } from "./checkpoint.js";
import type { FollowedClock } from "./followClock.js";
import type { MappedRow } from "./mapRow.js";
import { createParcelSender, emptyParcel, type Parcel } from "./parcels.js";
import type { SourceRow } from "./rows.js";
import { emptyTally, type Rejection, type Tally } from "./tally.js";

const MAX_EVENTS = 1_000;
const MAX_ROWS = 5_000;

export interface ImportDeps {
  rows: AsyncIterable<SourceRow>;
  map: (row: SourceRow) => MappedRow;
  client: Pick<UsageClient, "sendCloudEvents">;
  checkpoint: Pick<Checkpoint, "save">;
  /** The tally of an interrupted import of the same file and mapping: its rows are read, but not sent. */
  resumed?: Tally | undefined;
  /** Rows wait for their time by this clock. */
  clock?: FollowedClock | undefined;
  /** Ends the import after the parcels being sent; the import itself aborts it if sending fails. */
  stop: AbortController;
  onSettled: (bytes: number, tally: Tally, rejections: readonly Rejection[]) => void;
  /** Called once if a time without a zone was read as UTC. */
  onNoZone: () => void;
}

/** How an import ended: the tally covers the file's first rows, all of them settled. */
export interface ImportEnd {
  tally: Tally;
  /** Why it ended before the end of the file; undefined if it did not. */
  failure?: unknown;
  wasInterrupted: boolean;
}

/**
 * Sends a file's rows in order, in parcels of up to 1,000 events. Never throws: what ended it early is in the result,
 * and the tally to continue from is saved.
 */
export async function runImport(deps: ImportDeps): Promise<ImportEnd> {
  const { clock, checkpoint } = deps;
  const { signal } = deps.stop;
  const tally = structuredClone(deps.resumed ?? emptyTally());
  const skip = tally.rows;
  const sender = createParcelSender({
    sendEvents: (events) => deps.client.sendCloudEvents(events),
    tally,
    async onSettled({ bytes }, rejections) {
      deps.onSettled(bytes, tally, rejections);
      await checkpoint.save(tally);
    },
    onFailure: () => deps.stop.abort(),
  });
  let parcel = emptyParcel();
  let hasZone = true;

  async function dispatch(): Promise<void> {
    if (parcel.rows === 0) return;
    const full = parcel;
    parcel = emptyParcel();
    await sender.send(full);
  }

  async function take(row: SourceRow, mapped: MappedRow): Promise<void> {
    if (mapped.ok && clock && mapped.time > clock.now()) {
      await dispatch();
      await clock.until(mapped.time);
      if (signal.aborted) return;
    }
    if (mapped.ok && parcel.events.length + mapped.events.length > MAX_EVENTS) await dispatch();
    addRow(parcel, row, mapped);
    if (parcel.events.length >= MAX_EVENTS || parcel.rows >= MAX_ROWS) await dispatch();
  }

  async function readAll(): Promise<void> {
    let read = 0;
    for await (const row of deps.rows) {
      if (signal.aborted) break;
      // Skipped rows are mapped too, because equal rows are told apart by their count.
      const mapped = deps.map(row);
      if (hasZone && mapped.ok && !mapped.hasZone) {
        hasZone = false;
        deps.onNoZone();
      }
      read += 1;
      if (read > skip) await take(row, mapped);
      else if (read % MAX_ROWS === 0) deps.onSettled(row.bytes, tally, []);
    }
    await dispatch();
  }

  const failure = await failureOf(readAll);
  const laterFailure = await failureOf(() => sender.finish());
  const first = failure ?? laterFailure;
  if (first || signal.aborted) await checkpoint.save(tally, true);
  return { tally, failure: first?.error, wasInterrupted: first === undefined && signal.aborted };
}

function addRow(parcel: Parcel, { line, bytes }: SourceRow, mapped: MappedRow): void {
  parcel.rows += 1;
  parcel.bytes = bytes;
  if (mapped.ok) {
    for (const event of mapped.events) {
      parcel.events.push(event);
      parcel.lines.push(line);
    }
  } else {
    const { code, text } = mapped.problem;
    parcel.rejections.push({ line, code, text, events: mapped.events });
  }
}

async function failureOf(work: () => Promise<void>): Promise<{ error: unknown } | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return { error };
  }
}
