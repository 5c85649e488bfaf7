import type { Micros, UsageEvent } from "@quarterpast/domain";

/** The events of one journal entry, to be counted in one transaction. */
export interface UsageBatch {
  /** Together with `seq`, identifies the journal entry that it covers, and thereby its receipt. */
  collectorNo: number;
  seq: number;
  /** Product time of the acknowledgement. */
  received: Micros;
  events: UsageEvent[];
}

/**
 * A batch by columns, the form of a job that costs least processor time: `dictionary` holds each source, subject and
 * meter once, and their columns hold positions in it. Columns without values are left out. Versions 1 and 2, which
 * were never released, carried the number of an account; now an event may name one in its extensions.
 */
export interface UsageJob {
  v: 3;
  collector: number;
  seq: number;
  received: Micros;
  dictionary: string[];
  sources: number[];
  subjects: number[];
  meters: number[];
  ids: string[];
  times: Micros[];
  quantities?: (string | null)[];
  values?: (string | null)[];
  extensions?: (UsageEvent["extensions"] | null)[];
}

/** A batch as the data of one job. */
export function encodeBatch(batch: UsageBatch): UsageJob {
  const positions = new Map<string, number>();
  const dictionary: string[] = [];
  const position = (text: string): number => {
    const known = positions.get(text);
    if (known !== undefined) return known;
    positions.set(text, dictionary.length);
    return dictionary.push(text) - 1;
  };
  const { events } = batch;
  const column = <K extends "quantity" | "value" | "extensions">(name: K) =>
    events.some((event) => event[name] !== undefined)
      ? events.map((event) => event[name] ?? null)
      : undefined;
  const quantities = column("quantity");
  const values = column("value");
  const extensions = column("extensions");
  return {
    v: 3,
    collector: batch.collectorNo,
    seq: batch.seq,
    received: batch.received,
    sources: events.map((event) => position(event.source)),
    subjects: events.map((event) => position(event.subject)),
    meters: events.map((event) => position(event.meter)),
    dictionary,
    ids: events.map((event) => event.id),
    times: events.map((event) => event.time),
    ...(quantities && { quantities }),
    ...(values && { values }),
    ...(extensions && { extensions }),
  };
}

/**
 * The batch of a job.
 * @throws TypeError if the data has another version or shape: such a job is kept and retried, never dropped.
 */
export function decodeBatch(job: UsageJob): UsageBatch {
  if (job.v !== 3 || !Array.isArray(job.ids) || job.ids.length !== job.times.length) {
    throw new TypeError(
      `job of collector ${job.collector}, entry ${job.seq}: not a usage batch of version 3`,
    );
  }
  const word = (position: number | undefined): string => job.dictionary[position!]!;
  return {
    collectorNo: job.collector,
    seq: job.seq,
    received: job.received,
    events: job.ids.map((id, index) => ({
      id,
      source: word(job.sources[index]),
      subject: word(job.subjects[index]),
      meter: word(job.meters[index]),
      time: job.times[index]!,
      quantity: job.quantities?.[index] ?? undefined,
      value: job.values?.[index] ?? undefined,
      extensions: job.extensions?.[index] ?? undefined,
    })),
  };
}
