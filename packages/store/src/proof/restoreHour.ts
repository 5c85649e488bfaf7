import {
  createHourGatherer,
  hourOf,
  manifestHash,
  SHARDS,
  type Micros,
  type Slot,
} from "@quarterpast/domain";
import { restoreInstances } from "../catalog/instances.js";
import { allowLongReads } from "../proof/manifests.js";
import { inTransaction, type Db, type Pool } from "../db/database.js";
import { restoreHeads, restoreRecords } from "../records/freezing.js";
import { restoreLeftovers } from "../records/leftovers.js";
import { restoreDeductions } from "../storefront/deductions.js";
import { insertHeard } from "../usage/collectors.js";
import { restoreCorrections } from "../usage/corrections.js";
import { insertRestored, type RestoredEvent } from "../usage/events.js";
import { clearOpenUsage, restoreUsage } from "../usage/hourUsage.js";
import { restoreSeal, type RestoredShard } from "../usage/hours.js";
import { endWaiting } from "../usage/quarantine.js";
import { ensureSources } from "../usage/sources.js";
import { restoreStanding } from "../usage/standing.js";
import { eachEventBatch, readHeldHour, type HeldHour } from "./heldHour.js";
import { ensureProofKey, findRestored, insertManifest, insertRecordProofs } from "./manifests.js";

/** One account's export of an hour, already verified. */
export interface HourExport {
  accountNo: number;
  account: string;
  /** What the account's marketplace accepts only once. */
  slot: Slot;
  /** Number and hash of its manifest. */
  number: number;
  hash: string;
  /** Reads the file's lines, from the start each time. */
  lines: () => AsyncIterable<string>;
  publicKey: string;
}

/** The ledger holds another manifest with that number: its content does not come from these exports. */
export class OtherManifestError extends Error {
  constructor(account: string, number: number) {
    super(`the ledger has another manifest ${number} of ${account}`);
    this.name = "OtherManifestError";
  }
}

/**
 * Restores a sealed hour from the exports of its accounts, in one transaction. Nothing else may use the database
 * meanwhile (SPEC P3).
 * @returns the exports that were restored; the others were there already
 * @throws OtherManifestError before anything of the hour is written
 */
export async function restoreProvenHour(
  pool: Pool,
  hour: Micros,
  exports: readonly HourExport[],
  now: Micros,
): Promise<HourExport[]> {
  return inTransaction(pool, async (db) => {
    await allowLongReads(db);
    const absent: HourExport[] = [];
    for (const one of exports) {
      const found = await findRestored(db, one.accountNo, one.number, one.hash);
      if (found === "other") throw new OtherManifestError(one.account, one.number);
      if (found === "absent") absent.push(one);
    }
    let shards: RestoredShard[] | undefined;
    for (const one of absent) shards = await restoreExport(db, hour, one, now);
    if (shards) await restoreSeal(db, hour, shards);
    return absent;
  });
}

/** Restores everything one account's hour held: events, usage, records, chain heads, proofs and manifest. */
async function restoreExport(db: Db, hour: Micros, given: HourExport, now: Micros): Promise<RestoredShard[]> {
  const { accountNo, lines, slot } = given;
  const held = await readHeldHour(lines, slot);
  await restoreInstances(db, accountNo, held.instances, now);
  await clearOpenUsage(db, accountNo, hour);
  await restoreUsage(db, accountNo, hour, held.origins);
  await eachEventBatch(lines, (events) => restoreEvents(db, accountNo, hour, events, now));
  await restoreCorrections(db, accountNo, hour, held.corrections);
  await restoreRecords(db, accountNo, held.records);
  await restoreDeductions(db, accountNo, hour);
  await restoreHeads(db, accountNo, held.heads);
  await restoreLeftovers(db, accountNo, hour, held.residues, unbillableOf(held));
  await restoreProofs(db, hour, given, held, now);
  return held.shards;
}

const unbillableOf = ({ usages }: HeldHour) =>
  usages
    .filter((usage) => usage.unbillable !== "0")
    .map((usage) => ({
      instance: usage.instance!,
      quantity: usage.unbillable!,
      reason: usage.reason!,
    }));

/**
 * Restores the events of a sealed hour, so that a replay of the journal finds them counted. An event that waited in
 * quarantine in the backup is bound as it was later.
 */
async function restoreEvents(
  db: Db,
  accountNo: number,
  hour: Micros,
  events: readonly RestoredEvent[],
  now: Micros,
): Promise<void> {
  if (events.length === 0) return;
  const sources = await ensureSources(db, [...new Set(events.map(({ source }) => source))]);
  const sourceNos = events.map(({ source }) => sources.get(source)!);
  await insertRestored(db, accountNo, hour, events, sourceNos);
  const names = events.map(({ key }, at) => ({ sourceNo: sourceNos[at]!, key }));
  await endWaiting(db, names, now);
  const heard = events.map(({ meter, time }, at) => ({
    sourceNo: sourceNos[at]!,
    meter,
    hour: hourOf(time),
  }));
  await insertHeard(db, heard);
  await restoreStanding(db, accountNo, events);
}

async function restoreProofs(
  db: Db,
  hour: Micros,
  { accountNo, account, publicKey }: HourExport,
  held: HeldHour,
  now: Micros,
): Promise<void> {
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
