import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Where exported hours are, and the script that auditors get. */
export interface Proofs {
  dir: string;
  verifier: string;
}

/** Where the auditor finds its input. */
export interface AuditConfig {
  databaseUrl: string;
  redisUrl: string;
  queuePrefix: string;
  /** NDJSON of every send and every reply. */
  truthPath: string;
  /** The marketplace's own append-only file. */
  sandboxStore: string;
  /** Folders of the collectors' journals. */
  journals: string[];
  /** Absent if the audited system proves nothing. */
  proofs?: Proofs;
  /** Sealed rows at earlier times, written by `--snapshot`. */
  snapshots?: string[];
}

/** One payload that was sent under an identity. */
export interface Sent {
  subject: string;
  meter: string;
  timeMs: number;
  quantity: string | null;
  value: string | null;
  /** If it amends or cancels an earlier event of its source: that event's identity. */
  corrects: { kind: "corrects" | "cancels"; identity: string } | undefined;
  acked: boolean;
}

/** What was sent, by identity: source, NUL, key. */
export type Truth = Map<string, Sent[]>;

/** An identity as shown in messages. */
export function show(identity: string): string {
  return identity.replace("\0", " ");
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The key of an id by the documented rule: a canonical UUIDv7 itself, else SHA-256 cut to 128 bits and marked as
 * version 8.
 */
export function keyOf(id: string): string {
  if (UUID_V7.test(id)) return id;
  const hex = createHash("sha256").update(id, "utf8").digest("hex").slice(0, 32).split("");
  hex[12] = "8";
  hex[16] = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  const h = hex.join("");
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

type LoggedEvent = [
  source: string,
  id: string,
  subject: string,
  meter: string,
  time: string,
  quantity: string | null,
  value: string | null,
  correction?: ["corrects" | "cancels", string],
];

type Line =
  | { k: "batch"; b: number; events: LoggedEvent[] }
  | { k: "send" }
  | { k: "reply"; b: number; status: number; rejected?: [number, string, boolean][] };

/** Reads the truth log: an event is acknowledged if some 202 or 207 of its batch did not reject it. */
export async function readTruth(path: string): Promise<Truth> {
  const truth: Truth = new Map();
  const open = new Map<number, Sent[]>();
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const line = JSON.parse(text) as Line;
    if (line.k === "batch")
      open.set(
        line.b,
        line.events.map((event) => note(truth, event)),
      );
    if (line.k !== "reply" || ![202, 207].includes(line.status)) continue;
    const refused = new Set((line.rejected ?? []).map(([index]) => index));
    open.get(line.b)!.forEach((sent, index) => {
      if (!refused.has(index)) sent.acked = true;
    });
  }
  return truth;
}

function note(
  truth: Truth,
  [source, id, subject, meter, time, quantity, value, correction]: LoggedEvent,
): Sent {
  const identity = `${source}\0${keyOf(id)}`;
  const known = truth.get(identity) ?? [];
  const corrects = correction && { kind: correction[0], identity: `${source}\0${keyOf(correction[1])}` };
  const sent: Sent = { subject, meter, timeMs: Date.parse(time), quantity, value, corrects, acked: false };
  const same = known.find((other) => isSame(other, sent));
  if (same) return same;
  truth.set(identity, [...known, sent]);
  return sent;
}

function isSame(a: Sent, b: Sent): boolean {
  return (
    a.subject === b.subject &&
    a.meter === b.meter &&
    a.timeMs === b.timeMs &&
    a.quantity === b.quantity &&
    a.value === b.value &&
    a.corrects?.identity === b.corrects?.identity
  );
}

/** One entry of a collector's journal. */
export interface JournalEntry {
  collector: number;
  seq: number;
  /** Identities of its events. */
  identities: string[];
}

const SEGMENT_HEADER = 4_096;
const FRAME_HEADER = 28;

/** Reads all entries of a journal's folder by its documented format; damage is reported by `onDamage`. */
export function* readJournal(dir: string, onDamage: (detail: string) => void): Generator<JournalEntry> {
  for (const name of readdirSync(dir)
    .filter((each) => /^\d{16}\.(journal|done)$/.test(each))
    .sort()) {
    const bytes = readFileSync(join(dir, name));
    let at = SEGMENT_HEADER;
    while (at + FRAME_HEADER <= bytes.length && bytes.toString("latin1", at, at + 4) === "QPJ1") {
      const end = at + FRAME_HEADER + bytes.readUInt32BE(at + 4);
      if (end > bytes.length) break;
      yield readEntry(bytes.toString("utf8", at + FRAME_HEADER, end), Number(bytes.readBigUInt64BE(at + 12)));
      at = end;
    }
    // A kill leaves a torn end; zeros or half a frame were never acknowledged.
    if (bytes.includes("QPJ1", at + 1, "latin1")) onDamage(`${name}: entries behind damage at byte ${at}`);
  }
}

interface JournalJob {
  collector: number;
  dictionary: string[];
  sources: number[];
  ids: string[];
}

function readEntry(payload: string, seq: number): JournalEntry {
  const { collector, dictionary, sources, ids } = JSON.parse(payload) as JournalJob;
  return { collector, seq, identities: ids.map((id, at) => `${dictionary[sources[at]!]}\0${keyOf(id)}`) };
}

/** One record as the marketplace received it. */
export interface MarketRecord {
  instance_id: string;
  begin_time: string;
  end_time: string;
  metering_sn: string;
  record_time: string;
  usage_value: string | number;
  [field: string]: unknown;
}

/** One call in the marketplace's own store. */
export interface MarketCall {
  call: number;
  atMs: number;
  productMs: number;
  sha256: string | undefined;
  code: string;
  /** All that we sent in it, kept or dropped, excluding what a fault invented. */
  sent: MarketRecord[];
}

/** The marketplace's contents, replayed from its raw file. */
export interface Market {
  calls: MarketCall[];
  /** By its own number. */
  records: Map<
    number,
    { record: MarketRecord; state: "pending" | "normal" | "abnormal" | "billed"; isInvented: boolean }
  >;
}

interface RawLine {
  kind: string;
  call: number;
  at: string;
  product: string;
  sha256?: string;
  code: string;
  records?: MarketRecord[];
  first?: number;
  invented?: number;
  /** Immediately reported as void, by position. */
  void?: Record<string, string>;
  dropped?: MarketRecord[];
  normal?: number[];
  abnormal?: [number, string][];
}

/** Replays the marketplace's store. */
export async function readMarket(path: string): Promise<Market> {
  const market: Market = { calls: [], records: new Map() };
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const line = JSON.parse(text) as RawLine;
    if (line.kind === "call") takeCall(market, line);
    if (line.kind === "verdict") {
      for (const no of line.normal ?? []) market.records.get(no)!.state = "normal";
      for (const [no] of line.abnormal ?? []) market.records.get(no)!.state = "abnormal";
    }
    if (line.kind === "collected") {
      for (const no of line.records as unknown as number[]) market.records.get(no)!.state = "billed";
    }
  }
  return market;
}

function takeCall(market: Market, line: RawLine): void {
  const records = line.records ?? [];
  const own = records.length - (line.invented ?? 0);
  records.forEach((record, at) =>
    market.records.set(line.first! + at, {
      record,
      state: line.void?.[at] === undefined ? "pending" : "abnormal",
      isInvented: at >= own,
    }),
  );
  const sent = [...records.slice(0, own), ...(line.dropped ?? [])];
  const { call, sha256, code } = line;
  market.calls.push({
    call,
    atMs: Date.parse(line.at),
    productMs: Date.parse(line.product),
    sha256,
    code,
    sent,
  });
}
