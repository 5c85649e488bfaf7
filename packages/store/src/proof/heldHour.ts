import {
  decodeText,
  keptSlot,
  parseCompact,
  parseInstant,
  parseLine,
  recordChecksum,
  type Aggregation,
  type BillingCycle,
  type Fields,
  type Line,
  type Micros,
  type Slot,
} from "@quarterpast/domain";
import type { RestoredInstance } from "../catalog/instances.js";
import type { RestoredRecord } from "../records/freezing.js";
import type { RestoredCorrection } from "../usage/corrections.js";
import type { RestoredEvent } from "../usage/events.js";
import type { RestoredShard } from "../usage/hours.js";

const EVENTS_AT_ONCE = 2_000;

/** Everything in an hour's export except its events: about as much data as its records. */
export interface HeldHour {
  usages: Fields[];
  origins: { instance: string; origin: Micros; quantity: string; events: number }[];
  records: RestoredRecord[];
  heads: { shard: number; seq: number; checksum: string }[];
  instances: RestoredInstance[];
  residues: { instance: string; residue: string }[];
  corrections: RestoredCorrection[];
  shards: RestoredShard[];
  manifest: Line;
  signature: Fields;
}

/**
 * Reads an hour's export, which is already verified.
 * @param lines reads the file from the start each time
 * @param slot what the account's marketplace accepts only once
 */
export async function readHeldHour(lines: () => AsyncIterable<string>, slot: Slot): Promise<HeldHour> {
  const all = new Map<Line["type"], Line[]>();
  for await (const raw of lines()) {
    const line = parseLine(raw)!;
    if (line.type === "event") continue;
    const same = all.get(line.type);
    if (same) same.push(line);
    else all.set(line.type, [line]);
  }
  const of = (type: Line["type"]): Fields[] => (all.get(type) ?? []).map(({ fields }) => fields);
  const wires = new Map(of("wire").map((wire) => [wire.sn, wire]));
  return {
    usages: of("usage"),
    origins: of("origin").map((origin) => ({
      instance: origin.instance!,
      origin: parseCompact(origin.origin!)!,
      quantity: origin.quantity!,
      events: Number(origin.events),
    })),
    records: (all.get("record") ?? []).map((line) => toRecord(line, wires.get(line.fields.sn)!, slot)),
    heads: of("chain").map(({ shard, seq, checksum }) => ({
      shard: Number(shard),
      seq: Number(seq),
      checksum: checksum!,
    })),
    instances: of("instance").map((row) => ({
      instance: row.instance!,
      product: row.product!,
      meter: row.meter!,
      aggregation: row.aggregation as Aggregation,
      unit: row.unit!,
      scale: Number(row.scale),
      cycle: row.cycle as BillingCycle,
      subject: decodeText(row.subject!)!,
      opened: parseInstant(row.opened!)!,
    })),
    residues: of("residue").map(({ instance, residue }) => ({ instance: instance!, residue: residue! })),
    corrections: of("correction").map((row) => ({
      source: decodeText(row.source!)!,
      key: row.key!,
      target: row.target!,
      instance: row.instance!,
      quantity: row.quantity!,
      delta: row.delta!,
      saidAt: parseInstant(row.said_at!)!,
      appliedAt: parseInstant(row.applied_at!)!,
    })),
    shards: of("shard").map((row) => ({
      shard: Number(row.shard),
      status: row.status!,
      reason: decodeText(row.reason!)!,
      sealedAt: parseInstant(row.sealed_at!)!,
      frozenAt: parseInstant(row.frozen_at!)!,
    })),
    manifest: all.get("manifest")![0]!,
    signature: of("signature")[0]!,
  };
}

function toRecord({ fields, text }: Line, wire: Fields, slot: Slot): RestoredRecord {
  const time = (value: string | undefined) => parseCompact(value!)!;
  const begin = time(fields.begin);
  return {
    fields,
    canonical: text,
    checksum: recordChecksum(text),
    hour: time(fields.hour),
    begin,
    slot: keptSlot(slot, begin),
    end: time(fields.end),
    wire: wire.wire!,
    wireVersion: Number(wire.version),
    windowEnds: time(wire.window_ends),
    lateEnds: time(wire.late_ends),
    expires: time(wire.expires),
    frozenAt: time(wire.frozen_at),
  };
}

/** Reads the events of an hour's export in batches, so that no hour is too large for memory. */
export async function eachEventBatch(
  lines: () => AsyncIterable<string>,
  take: (events: RestoredEvent[]) => Promise<void>,
): Promise<void> {
  let events: RestoredEvent[] = [];
  for await (const raw of lines()) {
    if (!raw.startsWith('{"event"')) continue;
    const { fields } = parseLine(raw)!;
    events.push({
      source: decodeText(fields.source!)!,
      id: decodeText(fields.id!)!,
      key: fields.key!,
      instance: fields.instance!,
      meter: fields.meter!,
      payloadHash: fields.payload_hash!,
      time: parseInstant(fields.time!)!,
      quantity: fields.quantity === "" ? null : fields.quantity!,
      value: fields.value === "" ? null : decodeText(fields.value!)!,
      accountNamed: fields.account_named === undefined ? null : decodeText(fields.account_named)!,
    });
    if (events.length < EVENTS_AT_ONCE) continue;
    await take(events);
    events = [];
  }
  await take(events);
}
