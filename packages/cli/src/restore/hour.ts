import {
  createHourGatherer,
  decodeText,
  manifestHash,
  parseCompact,
  parseInstant,
  parseLine,
  recordChecksum,
  SHARDS,
  type Aggregation,
  type BillingCycle,
  type Fields,
  type Line,
  type Micros,
} from "@quarterpast/domain";
import {
  clearOpenUsage,
  ensureProofKey,
  insertManifest,
  insertRecordProofs,
  restoreCorrections,
  restoreDeductions,
  restoreEvents,
  restoreHeads,
  restoreInstances,
  restoreLeftovers,
  restoreRecords,
  restoreUsage,
  type Db,
  type RestoredCorrection,
  type RestoredEvent,
  type RestoredRecord,
  type RestoredShard,
} from "@quarterpast/store";

/** One account's export of an hour, verified before. */
export interface HourExport {
  accountNo: number;
  account: string;
  hour: Micros;
  /** Reads the file's lines, anew each time. */
  lines: () => AsyncIterable<string>;
  publicKey: string;
}

const EVENTS_AT_ONCE = 2_000;

/** Brings back what one account's hour held: events, usage, records, chain heads, proofs and manifest. */
export async function restoreHour(db: Db, given: HourExport, now: Micros): Promise<RestoredShard[]> {
  const held = await readHeld(given);
  const { accountNo, hour } = given;
  await restoreInstances(db, accountNo, held.instances, now);
  await clearOpenUsage(db, accountNo, hour);
  await restoreUsage(db, accountNo, hour, held.origins);
  await eachEventBatch(given, (events) => restoreEvents(db, accountNo, hour, events, now));
  await restoreCorrections(db, accountNo, hour, held.corrections);
  await restoreRecords(db, accountNo, held.records);
  await restoreDeductions(db, accountNo, hour);
  await restoreHeads(db, accountNo, held.heads);
  const unbillable = held.usages.filter((usage) => usage.unbillable !== "0");
  await restoreLeftovers(
    db,
    accountNo,
    hour,
    held.residues,
    unbillable.map((usage) => ({
      instance: usage.instance!,
      quantity: usage.unbillable!,
      reason: usage.reason!,
    })),
  );
  await restoreProofs(db, given, held, now);
  return held.shards;
}

/** All of an hour but its events: as much as its records are. */
interface Held {
  usages: Fields[];
  origins: { instance: string; origin: Micros; quantity: string; events: number }[];
  records: RestoredRecord[];
  heads: { shard: number; seq: number; checksum: string }[];
  instances: Parameters<typeof restoreInstances>[2][number][];
  residues: { instance: string; residue: string }[];
  corrections: RestoredCorrection[];
  shards: RestoredShard[];
  manifest: Line;
  signature: Fields;
}

async function readHeld({ lines }: HourExport): Promise<Held> {
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
    records: (all.get("record") ?? []).map((line) => toRecord(line, wires.get(line.fields.sn)!)),
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

function toRecord({ fields, text }: Line, wire: Fields): RestoredRecord {
  const time = (value: string | undefined) => parseCompact(value!)!;
  return {
    fields,
    canonical: text,
    checksum: recordChecksum(text),
    hour: time(fields.hour),
    begin: time(fields.begin),
    end: time(fields.end),
    wire: wire.wire!,
    wireVersion: Number(wire.version),
    windowEnds: time(wire.window_ends),
    lateEnds: time(wire.late_ends),
    expires: time(wire.expires),
    frozenAt: time(wire.frozen_at),
  };
}

async function eachEventBatch(
  { lines }: HourExport,
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

async function restoreProofs(db: Db, given: HourExport, held: Held, now: Micros): Promise<void> {
  const { accountNo, account, hour, publicKey } = given;
  const { rows } = await db.query<{ no: number; id: string }>(
    "SELECT instance_no AS no, instance_id AS id FROM instances WHERE account_no = $1::smallint AND instance_id = ANY ($2::text[])",
    [accountNo, held.usages.map((usage) => usage.instance)],
  );
  const numbers = new Map(rows.map(({ no, id }) => [id, no]));
  const proofs = held.usages.map((usage) => ({
    instanceNo: numbers.get(usage.instance!)!,
    sn: usage.sn === "" ? null : usage.sn!,
    eventsRoot: usage.root!,
    leaves: Number(usage.events),
  }));
  await insertRecordProofs(db, hour, proofs);
  const { key_id: keyId = "", signature = "" } = held.signature;
  await ensureProofKey(db, { keyId, publicKey }, now);
  const gatherer = createHourGatherer();
  for (const { fields, checksum } of held.records) gatherer.record(fields, checksum);
  const { fields, text: canonical } = held.manifest;
  const counts = Array.from({ length: SHARDS }, () => 0);
  for (const record of held.records) counts[Number(record.fields.shard)]! += 1;
  const seqTo = held.heads.map(({ seq }) => seq);
  const work = {
    accountNo,
    account,
    hour,
    number: Number(fields.number),
    prev: fields.prev!,
    seqFrom: seqTo.map((seq, shard) => seq - counts[shard]! + 1),
    seqTo,
  };
  const manifest = { canonical, hash: manifestHash(canonical), keyId, signature };
  await insertManifest(db, work, manifest, gatherer.totals(), now);
}
