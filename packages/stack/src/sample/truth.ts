import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addDecimals, formatInstant, HOUR, hourOf, parseInstant, type Micros } from "@quarterpast/domain";
import { z } from "zod";
import { makePrivateDir, writePrivateFile } from "../up/files.js";
import type { SampleInstance } from "./catalog.js";
import { createTally, type Tally } from "./tally.js";
import { usageBetween, type SampleEvent } from "./usage.js";

/** The usage of one instance in one hour, according to the generator. */
export interface HourTruth {
  instanceId: string;
  quantity: string;
  events: number;
}

/**
 * The generator's own count of what was acknowledged, stored beside the stack and never read from it: whole hours in
 * `truth.ndjson`, its progress in `state.json`.
 */
export interface Truth {
  /** When the sample began. */
  startedAt: Micros;
  /** All usage before this has been acknowledged. */
  sentTo(): Micros;
  /** Adds the acknowledged usage up to `to`. */
  acknowledge(events: readonly SampleEvent[], to: Micros): void;
  /** Skips usage up to `to`, because the clock was set forward too far to send it. */
  skip(to: Micros): void;
  /** The usage of an hour that was sent completely. */
  hour(hour: Micros): HourTruth[];
  /** Totals over all hours that were sent completely, by instance. */
  totals(): Map<string, string>;
  /** Stores the progress. */
  save(): void;
}

const instant = z.string().transform((text) => parseInstant(text)!);
const stateSchema = z.object({ startedAt: instant, from: instant, sentTo: instant });
const lineSchema = z.object({
  hour: z.string(),
  instance: z.string(),
  quantity: z.string(),
  events: z.number(),
});

/** Opens the count of a sample; a new one begins at `now`. */
export function openTruth(dir: string, now: Micros): Truth {
  makePrivateDir(dir);
  const [stateFile, linesFile] = [join(dir, "state.json"), join(dir, "truth.ndjson")];
  const kept = readState(stateFile);
  const { startedAt } = kept ?? { startedAt: now };
  const hours = readHours(linesFile);
  // Nothing was skipped between `from` and `sentTo`.
  let { from, sentTo } = kept ?? { from: now, sentTo: now };
  let tallies = new Map<SampleInstance, Tally>();
  for (const event of usageBetween(Math.max(from, hourOf(sentTo)), sentTo)) count(event);

  function count(event: SampleEvent): void {
    const tally = tallies.get(event.instance) ?? createTally(event.instance.meter);
    tallies.set(event.instance, tally);
    tally.add(event);
  }

  function finishHour(): void {
    const hour = hourOf(sentTo);
    const truths = [...tallies].map(([{ instanceId }, tally]) => ({
      instanceId,
      quantity: tally.quantity(),
      events: tally.events(),
    }));
    const lines = truths.map(({ instanceId: instance, ...rest }) =>
      JSON.stringify({ hour: formatInstant(hour), instance, ...rest }),
    );
    // Each write begins with a line end, so that a line cut short by a kill does not spoil the next one.
    appendFileSync(linesFile, `\n${lines.join("\n")}\n`, { mode: 0o600 });
    hours.set(hour, truths);
    tallies = new Map();
  }

  function passTo(to: Micros): void {
    if (to < hourOf(sentTo) + HOUR) {
      sentTo = to;
      return;
    }
    finishHour();
    sentTo = to;
    save();
  }

  function save(): void {
    const [began, unbroken, sent] = [startedAt, from, sentTo].map(formatInstant);
    writePrivateFile(stateFile, JSON.stringify({ startedAt: began, from: unbroken, sentTo: sent }));
  }

  if (!kept) save();

  return {
    startedAt,
    sentTo: () => sentTo,
    acknowledge(events, to) {
      for (const event of events) {
        if (hourOf(event.time) > hourOf(sentTo)) passTo(event.time);
        count(event);
      }
      passTo(to);
    },
    skip(to) {
      passTo(to);
      from = to;
      save();
    },
    hour: (hour) => hours.get(hour) ?? [],
    totals() {
      const totals = new Map<string, string>();
      for (const truths of hours.values()) {
        for (const { instanceId, quantity } of truths) {
          totals.set(instanceId, addDecimals(totals.get(instanceId) ?? "0", quantity));
        }
      }
      return totals;
    },
    save,
  };
}

function readState(file: string): z.output<typeof stateSchema> | undefined {
  const text = readIfThere(file);
  return text === undefined ? undefined : stateSchema.parse(JSON.parse(text));
}

/** An hour that was written twice, around a kill, counts once. */
function readHours(file: string): Map<Micros, HourTruth[]> {
  const byHour = new Map<Micros, Map<string, HourTruth>>();
  for (const text of (readIfThere(file) ?? "").split("\n")) {
    const line = parseLine(text);
    if (!line) continue;
    const hour = parseInstant(line.hour)!;
    const truths = byHour.get(hour) ?? new Map<string, HourTruth>();
    byHour.set(
      hour,
      truths.set(line.instance, { instanceId: line.instance, quantity: line.quantity, events: line.events }),
    );
  }
  return new Map([...byHour].map(([hour, truths]) => [hour, [...truths.values()]]));
}

function parseLine(text: string): z.output<typeof lineSchema> | undefined {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
