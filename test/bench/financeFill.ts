import { generateKeyPairSync } from "node:crypto";
import {
  CHAIN_GENESIS,
  canonicalObject,
  createHourGatherer,
  DAY,
  extendChain,
  formatCompact,
  formatInstant,
  HOUR,
  LINE_FIELDS,
  MANIFEST_GENESIS,
  manifestHash,
  manifestText,
  MINUTE,
  parseCanonical,
  parseInstant,
  proofKeyId,
  publicKeyOf,
  SHARDS,
  signManifest,
  type Micros,
  type RecordBody,
} from "@quarterpast/domain";
import { profileOf } from "@quarterpast/marketplace";
import {
  copyInto,
  ensureAccount,
  ensureMeter,
  ensureProofKey,
  ensureShards,
  insertManifest,
  inTransaction,
  type Pool,
  type PoolClient,
} from "@quarterpast/store";
import { fillInstances } from "./closeFill.js";

/** The ledger's month, beginning with its first hour. */
export const MONTH: Micros = parseInstant("2026-03-01T00:00:00Z")!;

const RECORDS_PER_CALL = 1_000;
/** One record in this many has another outcome than its call. */
const EXCEPTION_EVERY = 100;
const EVENTS_ROOT = "ab".repeat(32);

interface Instance {
  no: number;
  id: string;
  product: string;
  meter: string;
  shard: number;
}

/**
 * Fills an empty ledger with a month of finance: for each instance a record every hour, chained, submitted, settled
 * and covered by signed manifests as the product makes them, without events. One record in a hundred is abnormal or
 * in conflict. Indexes of records are created at the end, because that is faster.
 */
export async function fillMonth(
  pool: Pool,
  { instances, hours }: { instances: number; hours: number },
  say: (line: string) => void,
): Promise<void> {
  const { accountNo, code } = await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    MONTH,
  );
  await ensureShards(pool, MONTH);
  for (const meter of ["tokens", "gigabytes"])
    await ensureMeter(pool, { code: meter, aggregation: "sum", unit: "unit", scale: 4 }, MONTH);
  await fillInstances(pool, accountNo, instances, MONTH);
  const { rows } = await pool.query<Instance>(
    `SELECT instance_no AS no, instance_id AS id, product, m.code AS meter, shard FROM instances JOIN meters m USING (meter_no)
     ORDER BY instance_id COLLATE "C"`,
  );
  const indexes = await dropIndexes(pool);
  const market = profileOf({
    ...{
      code: "koogallery-cn",
      marketplace: "koogallery",
      site: "cn",
      dayOffset: 28_800_000_000,
      settings: {},
    },
  });
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = publicKeyOf(privateKey);
  const key = { keyId: proofKeyId(publicKey), publicKey };
  await ensureProofKey(pool, key, MONTH);
  const heads = Array.from({ length: SHARDS }, () => ({ seq: 0, checksum: CHAIN_GENESIS }));
  let prev = MANIFEST_GENESIS;
  for (let n = 0; n < hours; n += 1) {
    const hour = MONTH + n * HOUR;
    const isOpen = n >= hours - 24;
    const lines = makeHour({ account: code, accountNo, hour, instances: rows, heads, isOpen });
    const before = heads.map(({ seq }, shard) => seq - lines.counts[shard]!);
    prev = await inTransaction(pool, async (client) => {
      await client.query("SET LOCAL session_replication_role = replica");
      await client.query("SET LOCAL synchronous_commit = off");
      for (const [table, some] of Object.entries(lines.tables)) await copyInto(client, table, some);
      return keepManifest(client, before, n + 1, hour, prev);
    });
    if ((n + 1) % 72 === 0) say(`${(n + 1) * instances} records`);
  }
  await makeIndexes(pool, indexes, say);

  async function keepManifest(
    client: PoolClient,
    before: number[],
    number: number,
    hour: Micros,
    last: string,
  ): Promise<string> {
    const seqTo = heads.map(({ seq }) => seq);
    const gatherer = hourGatherer;
    for (const [shard, head] of heads.entries()) {
      const text = { account: code, checksum: head.checksum, seq: String(head.seq), shard: String(shard) };
      gatherer.chain(canonicalObject(text));
    }
    const scope = { account: code, number, hour, prev: last, keyId: key.keyId, bodySha256: EVENTS_ROOT };
    const canonical = manifestText({ ...gatherer.roots(), ...scope });
    const hash = manifestHash(canonical);
    const signature = signManifest(canonical, privateKey);
    const seqFrom = before.map((seq) => seq + 1);
    const work = { accountNo, account: code, hour, number, prev: last, seqFrom, seqTo };
    await insertManifest(
      client,
      work,
      { canonical, hash, keyId: key.keyId, signature },
      gatherer.totals(),
      hour + HOUR,
    );
    return hash;
  }

  interface HourContext {
    account: string;
    accountNo: number;
    hour: Micros;
    instances: readonly Instance[];
    heads: { seq: number; checksum: string }[];
    isOpen: boolean;
  }

  function makeHour(context: HourContext): { tables: Record<string, string[]>; counts: number[] } {
    const { account: name, hour, heads: chains, isOpen } = context;
    hourGatherer = createHourGatherer();
    const at = formatInstant(hour);
    const compact = formatCompact(hour);
    const made = formatInstant(hour + HOUR + 3 * MINUTE);
    const until = [hour + HOUR + 15 * MINUTE, hour + 3 * HOUR, hour + 21 * DAY].map(formatInstant).join("\t");
    const records: string[] = [];
    const usages: string[] = [];
    const proofs: string[] = [];
    const calls: string[] = [];
    const outcomes: string[] = [];
    const serials = new Map<number, string>();
    const quantityOf = ({ no }: Instance) =>
      `${(no * 7 + hour / HOUR) % 9_973}.${String((no % 9_999) + 1).padStart(4, "0")}`;
    const counts = chains.map((head, shard) => {
      const mine = context.instances.filter((instance) => instance.shard === shard);
      const bodies = mine.map((instance): RecordBody => ({
        ...{
          account: name,
          product: instance.product,
          instance: instance.id,
          meter: instance.meter,
          unit: "unit",
        },
        ...{ kind: "usage", hour, begin: hour, end: hour + HOUR, part: "0", quantity: quantityOf(instance) },
        ...{ residueIn: "0", residueOut: "0", events: 3, recordTime: hour + HOUR + 3 * MINUTE },
      }));
      const sealed = extendChain(bodies, shard, head);
      for (const [n, record] of sealed.entries()) {
        const { sn, seq, quantity, canonical, checksum, prev: link } = record;
        const { begin, end, recordTime, instance: instanceId } = record;
        const wire = market.encodeRecord({ instanceId, serialNumber: sn, begin, end, recordTime, quantity });
        const place = `${accountNo}\t${shard}\t${seq}\t${sn}\tusage\t${mine[n]!.no}`;
        records.push(
          `${place}\t${at}\t${at}\t${formatInstant(end)}\t0\t${quantity}\t3\t\\N\t${canonical}\t${checksum}\t${link}\t${wire}\t1\t${until}\t${made}`,
        );
        hourGatherer.record(parseCanonical(canonical, LINE_FIELDS.record)!, checksum);
        serials.set(mine[n]!.no, sn);
        if ((seq + shard) % EXCEPTION_EVERY === 0)
          outcomes.push(`${sn}\t${seq % 200 === 0 ? "conflict" : "abnormal"}\t003\tstatement\t${made}`);
      }
      for (let from = 0; from < sealed.length; from += RECORDS_PER_CALL) {
        const last = Math.min(from + RECORDS_PER_CALL, sealed.length) - 1;
        const range = `${sealed[from]!.seq}\t${sealed[last]!.seq}`;
        calls.push(
          `${accountNo}\t${shard}\t${range}\t${isOpen ? "accepted" : "billed"}\tbench\t${until.split("\t")[0]}\t${until.split("\t")[2]}\t1\t${made}\t${made}\t${made}`,
        );
      }
      const tail = sealed.at(-1);
      if (tail) [head.seq, head.checksum] = [tail.seq, tail.checksum];
      return sealed.length;
    });
    for (const instance of context.instances) {
      const quantity = quantityOf(instance).replace(/\.?0+$/, "");
      const sn = serials.get(instance.no)!;
      usages.push(`${instance.shard}\t${at}\t${instance.no}\t${at}\t${quantity}\t3`);
      proofs.push(`${at}\t${instance.no}\t${sn}\t\\\\x${EVENTS_ROOT}\t3`);
      const usage = { account: name, aggregation: "sum", events: "3", hour: compact, instance: instance.id };
      const rest = { meter: instance.meter, quantity, reason: "", root: EVENTS_ROOT, sn, unbillable: "0" };
      hourGatherer.usage(canonicalObject({ ...usage, ...rest }), 3);
    }
    const shards = Array.from(
      { length: SHARDS },
      (_, shard) => `${at}\t${shard}\tcomplete\t\t${made}\t${made}\t${made}`,
    );
    return {
      counts,
      tables: {
        "hours (hour, shard, status, reason, sealed_at, divided_at, frozen_at)": shards,
        "hour_usage (shard, bill_hour, instance_no, origin_hour, quantity, events)": usages,
        "record_proofs (hour, instance_no, sn, events_root, leaves)": proofs,
        [RECORD_COLUMNS]: records,
        "submissions (account_no, shard, seq_from, seq_to, state, host, deadline, expires, attempts, next_at, settled_at, created_at)":
          calls,
        "outcomes (sn, state, code, source, at)": outcomes,
      },
    };
  }
}

let hourGatherer = createHourGatherer();

const RECORD_COLUMNS = `records (account_no, shard, seq, sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events,
  replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at)`;

interface Index {
  name: string;
  constraint: string | null;
  definition: string;
}

async function dropIndexes(pool: Pool): Promise<Index[]> {
  const { rows } = await pool.query<Index>(
    `SELECT c.relname AS name, k.conname AS constraint, COALESCE(pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid)) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
     WHERE i.indrelid = 'records'::regclass`,
  );
  for (const { name, constraint } of rows)
    await pool.query(
      constraint ? `ALTER TABLE records DROP CONSTRAINT ${constraint} CASCADE` : `DROP INDEX ${name}`,
    );
  return rows;
}

async function makeIndexes(
  pool: Pool,
  indexes: readonly Index[],
  say: (line: string) => void,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(
      "SET statement_timeout = 0; SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'",
    );
    await client.query("SET max_parallel_maintenance_workers = 1");
    for (const { constraint, definition } of indexes) {
      await client.query(
        constraint ? `ALTER TABLE records ADD CONSTRAINT ${constraint} ${definition}` : definition,
      );
      say(`indexed: ${definition}`);
    }
    await client.query("ANALYZE");
    say("summing calls up");
    await client.query("BEGIN");
    await client.query(
      `INSERT INTO own_states (account_no, shard, seq, state, outcome_id, hour, product, meter_no, kind, quantity)
       SELECT r.account_no, r.shard, r.seq, o.state, o.outcome_id, r.hour, i.product, i.meter_no, r.kind, r.quantity
       FROM outcomes o JOIN records r USING (sn) JOIN instances i USING (instance_no)`,
    );
    await client.query("ANALYZE own_states");
    // Call by call, using the places of each: joining them all would combine whole shards, in time quadratic in the
    // hours.
    await client.query("SET LOCAL enable_hashjoin = off");
    await client.query("SET LOCAL enable_mergejoin = off");
    await client.query("SELECT sum_calls(ARRAY[submission_id]) FROM submissions");
    await client.query("COMMIT");
    await client.query("VACUUM ANALYZE");
    await client.query("CHECKPOINT");
  } finally {
    client.release();
  }
}
