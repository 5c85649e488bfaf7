import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { startRedis, onOwnPort } from "@quarterpast/stack/servers";
import { createTestDatabase } from "@quarterpast/testkit";
import pg from "pg";
import { audit } from "../auditor.js";

/* Imports here load the copy of the product with a bug in it, whose types would be those of another copy. */
/* eslint-disable @typescript-eslint/no-explicit-any */

export interface Place {
  /** The product's copy. */
  root: string;
  dir: string;
  databaseUrl: string;
  redisUrl: string;
}

const H = Date.parse("2026-03-01T10:00:00Z") * 1_000;
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const silent: any = new Proxy({}, { get: () => () => silent });

async function load(root: string, path: string): Promise<any> {
  return import(pathToFileURL(join(root, path)).href);
}

async function openLedger({ root, databaseUrl }: Place): Promise<any> {
  const store = await load(root, "packages/store/dist/index.js");
  const database = await createTestDatabase(databaseUrl);
  await store.migrate(database.url);
  const pool = store.createPool({
    databaseUrl: database.url,
    applicationName: "bugs",
    max: 20,
    onError: () => {},
  });
  const account = await store.ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    H,
  );
  await store.ensureShards(pool, H);
  for (const aggregation of ["sum", "max"]) {
    await store.ensureMeter(pool, { code: `m-${aggregation}`, aggregation, unit: "unit", scale: 6 }, H);
  }
  const add = (id: string, meter: string, subject: string) =>
    store.addInstance(
      pool,
      { accountNo: account.accountNo, instanceId: id, product: "p", meter, subject, opened: H - 24 * HOUR },
      H,
    );
  await add("i-1", "m-sum", "customer-1");
  // In the same shard, so that their two records follow each other in one chain.
  await add("i-26", "m-sum", "customer-26");
  await add("i-2", "m-max", "customer-1");
  const end = async () => {
    await pool.end();
    await database.end();
  };
  return { store, pool, account, add, url: database.url, end };
}

/**
 * Usage with repeats, conflicts, late and early events, filed at a marketplace that loses replies; then the audit.
 */
async function pipeline(place: Place): Promise<string[]> {
  const { root, dir } = place;
  const ledger = await openLedger(place);
  const [aggregator, release, seal, freeze, submit, reconcile, journals, queue, runtime, sandboxes, markets] =
    await Promise.all(
      [
        "services/aggregator/dist/count.js",
        "services/aggregator/dist/release.js",
        "services/reporter/dist/seal.js",
        "services/reporter/dist/freeze.js",
        "services/reporter/dist/submit.js",
        "services/reporter/dist/reconcile.js",
        "services/collector/dist/journal/journal.js",
        "packages/queue/dist/index.js",
        "packages/runtime/dist/index.js",
        "packages/sandbox/dist/koogallery/index.js",
        "packages/marketplace/dist/index.js",
      ].map((path) => load(root, path)),
    );
  const { store, pool, account } = ledger;
  const sandbox = await sandboxes.createSandbox({
    key: "key",
    validationDelayMs: 0,
    dataDir: join(dir, "sandbox"),
  });
  const declared = {
    ...{ code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    settings: { MARKETPLACE_URL: sandbox.url, MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr" },
  };
  const secrets = () => ({ keyring: { account: ["key"], products: new Map() }, accessKey: undefined });
  const client = markets.clientOf(declared, secrets, {
    ...{ now: Date.now, nonce: randomUUID, timeouts: { headersMs: 1_000, totalMs: 1_500 } },
  });
  const journal = await journals.openJournal({
    dir: join(dir, "journal"),
    logger: silent,
    keepHours: 48,
    real: () => Date.now() * 1_000,
  });
  // Real time is behind the marketplace's; it is moved forward when leases and retries should expire.
  const clock = runtime.fixedClock(H + 10 * MINUTE, Date.now() * 1_000 - HOUR);
  const now = () => clock.now();
  const deps = {
    pool,
    clock,
    logger: silent,
    profile: markets.profileOf(declared),
    client,
    account,
    recordsPerCall: 1_000,
    random: () => 0,
    // Never open, so that each submission meets each of the marketplace's faults.
    breaker: { mayCall: () => true, passed() {}, heard() {}, wait: (ms: number) => ms, isOpen: () => false },
    rateLimit: async () => {},
    onSettled: () => {},
  };
  const problems: string[] = [];
  const truthPath = join(dir, "truth.ndjson");
  let batches = 0;

  const event = (id: string, quantity: string, at: number, subject = "customer-1", meter = "m-sum") => ({
    id,
    quantity,
    time: at,
    subject,
    meter,
    source: "app",
  });
  async function send(events: ReturnType<typeof event>[], times = 1): Promise<void> {
    const batch = {
      accountNo: account.accountNo,
      collectorNo: 1,
      seq: journal.reserve(),
      received: now(),
      events,
    };
    batches += 1;
    const rows = events.map(({ source, id, subject, meter, time, quantity }) => [
      source,
      id,
      subject,
      meter,
      new Date(time / 1_000).toISOString(),
      quantity,
      null,
    ]);
    appendFileSync(
      truthPath,
      `${JSON.stringify({ k: "batch", b: batches, events: rows })}\n${JSON.stringify({ k: "reply", b: batches, status: 202 })}\n`,
    );
    await journal.append(batch.seq, now(), Buffer.from(JSON.stringify(queue.encodeBatch(batch))));
    for (let time = 0; time < times; time += 1) await aggregator.countBatch({ pool, now }, batch);
  }
  async function setTime(at: number): Promise<void> {
    clock.set(at);
    await sandbox.setClock({ start: new Date(at / 1_000).toISOString(), rate: 0 });
  }
  async function makeRecords(): Promise<void> {
    while (await seal.sealDueHours(deps));
    while (await freeze.freezeRecords(deps));
  }
  async function submitAll(): Promise<void> {
    for (
      let round = 0;
      round < 40 && (await store.readBacklog(pool, account.accountNo)).submissions > 0;
      round += 1
    ) {
      while (await submit.submitNext(deps));
      clock.advance(20_000_000);
    }
  }

  try {
    await setTime(H + 10 * MINUTE);
    await makeRecords();
    const at = H + 5 * MINUTE;
    // A job that runs twice, an id twice in one batch, tenths that floats cannot add.
    await send([event("a", "0.1", at), event("b", "0.2", at), event("a", "0.1", at)], 2);
    await send([event("a", "0.1", at), event("b", "7", at), event("c", "1.00001", at)]);
    await send([event("m1", "5", at, "customer-1", "m-max"), event("d", "6", at, "customer-26")]);
    await send([event("m2", "9", at, "customer-1", "m-max"), event("early", "3", at, "customer-9")]);
    await ledger.add("i-9", "m-sum", "customer-9");
    while ((await release.releaseQuarantine({ pool, now })) > 0);
    await setTime(H + HOUR + 3 * MINUTE);
    await makeRecords();
    await send([event("late", "4.00005", at), event("next", "2", H + HOUR + MINUTE)]);
    // Taken, but the reply is lost; then answered with an unknown code; then, each in a separate call, as already
    // there.
    const { submissions } = await store.readBacklog(pool, account.accountNo);
    for (const rule of [
      { mode: "accept_then_5xx" },
      { mode: "abnormal_sync", code: "777", share: 1 },
      { mode: "abnormal_sync", code: "005", share: 1 },
    ]) {
      sandbox.setFaults([rule]);
      for (let call = 0; call < submissions; call += 1) await submit.submitNext(deps);
      clock.advance(20_000_000);
    }
    sandbox.setFaults([]);
    await submitAll();
    await setTime(H + 2 * HOUR + 3 * MINUTE);
    await makeRecords();
    await send([event("later", "1.5", H + 2 * HOUR + MINUTE)]);
    await setTime(H + 3 * HOUR + 3 * MINUTE);
    await makeRecords();
    // An uninformative answer, once although the call was taken and once although it was not.
    sandbox.setFaults([
      { mode: "accept_then_5xx", times: 1 },
      { mode: "garbage", style: "html", accepted: false, times: 1 },
    ]);
    await submitAll();
    problems.push(...(await wakeZombie(ledger, now(), clock.real())));
    problems.push(...(await keptLocks(ledger.url)));
    const disputed = await pool.query("SELECT sn FROM billing.records WHERE state = 'conflict'");
    problems.push(
      ...disputed.rows.map(({ sn }: { sn: string }) => `R8: ${sn}, which went out twice, is in dispute`),
    );
    await setTime(H + 3 * HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcile.reconcileAccepted(deps);
    await journal.close();
    const sandboxStore = join(dir, "sandbox", "sandbox.ndjson");
    const report = await audit({
      databaseUrl: ledger.url,
      redisUrl: place.redisUrl,
      queuePrefix: "{bugs}",
      truthPath,
      sandboxStore,
      journals: [join(dir, "journal")],
    });
    return [...problems, ...report.violations.map(({ id, detail }) => `${id}: ${detail}`)];
  } finally {
    await client.close();
    await sandbox.close();
    await ledger.end();
  }
}

/** A reporter that slept through its lease settles what another has settled since: nothing may change. */
async function wakeZombie({ store, pool }: any, now: number, real: number): Promise<string[]> {
  const { rows } = await pool.query(
    "SELECT submission_id AS id, account_no, shard, seq_from, seq_to FROM submissions WHERE state IN ('accepted', 'duplicate') LIMIT 1",
  );
  const { id, account_no, shard, seq_from, seq_to } = rows[0];
  const claim = {
    submissionId: id,
    fence: 0,
    accountNo: account_no,
    shard,
    seqFrom: seq_from,
    seqTo: seq_to,
  };
  const isTaken = await store.settleSubmission(
    pool,
    { ...claim, fence: 99 },
    { state: "frozen", code: null, host: null, nextAt: real },
    now,
  );
  return isTaken ? ["R9: a zombie settled a submission that another holds"] : [];
}

async function keptLocks(databaseUrl: string): Promise<string[]> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  const { rows } = await db.query<{ n: number }>(
    "SELECT count(*)::integer AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = current_database()",
  );
  await db.end();
  return rows[0]!.n > 0 ? [`R9: ${rows[0]!.n} advisory locks outlive their transaction`] : [];
}

/** A Redis that may lose acknowledged entries must not count as durable. */
async function redis({ root, dir }: Place): Promise<string[]> {
  const queue = await load(root, "packages/queue/dist/index.js");
  const server = await onOwnPort((port) =>
    startRedis({ dataDir: join(dir, "redis"), port, config: { appendfsync: "everysec" } }),
  );
  const producer = queue.createProducer({ redisUrl: server.url, prefix: "{bugs}" });
  try {
    for (let tries = 0; tries < 30; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (producer.state().ok) return ["R1: everysec is trusted"];
      if (producer.state().reason === "volatile") return [];
    }
    return ["R1: nothing is known of Redis"];
  } finally {
    await producer.close();
    await server.stop();
  }
}

/** An entry resolves after its fsync, and no number is reused after a restart. */
async function journal({ root, dir }: Place): Promise<string[]> {
  const { openJournal } = await load(root, "services/collector/dist/journal/journal.js");
  let syncs = 0;
  const open = () =>
    openJournal({
      dir: join(dir, "own"),
      logger: silent,
      keepHours: 48,
      real: () => Date.now() * 1_000,
      sync: async (handle: any) => void (await handle.datasync(), (syncs += 1)),
    });
  const first = await open();
  const before = syncs;
  const seq = first.reserve();
  await first.append(seq, H, Buffer.from("{}"));
  const problems = syncs > before ? [] : ["R1: an entry is acknowledged before its fsync"];
  await first.close();
  const second = await open().catch((error: unknown) => [`R2: ${String(error)}`]);
  if (Array.isArray(second)) return [...problems, ...second];
  const next = second.reserve();
  await second.close();
  return next > seq ? problems : [...problems, "R2: a number is given out twice"];
}

/** Overlapping batches in opposite orders, at the same time: sorted ones never deadlock. */
async function deadlock(place: Place): Promise<string[]> {
  const ledger = await openLedger(place);
  const aggregator = await load(place.root, "services/aggregator/dist/count.js");
  const events = Array.from({ length: 4_000 }, (_, no) => {
    return {
      id: `e-${no}`,
      quantity: "1",
      time: H,
      subject: "customer-1",
      meter: "m-sum",
      source: "app",
    };
  });
  const count = { pool: ledger.pool, now: () => H };
  const problems: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    await ledger.pool.query("TRUNCATE events, hour_usage, receipts, quarantine, conflicts");
    const all = [
      events,
      [...events].reverse(),
      [...events.slice(2_000), ...events.slice(0, 2_000)],
      [...events].reverse(),
    ];
    const jobs = all.map((list, at) =>
      aggregator.countBatch(count, {
        accountNo: 1,
        collectorNo: 1,
        seq: round * 10 + at,
        received: H,
        events: list,
      }),
    );
    for (const result of await Promise.allSettled(jobs)) {
      if (result.status === "rejected") problems.push(`row 34: ${String(result.reason)}`);
    }
  }
  await ledger.end();
  return problems;
}

/** By name: each returns what it found wrong, which is nothing for a product without the bug. */
export const SCENARIOS: Record<string, (place: Place) => Promise<string[]>> = {
  pipeline,
  redis,
  journal,
  deadlock,
};

/** Runs a scenario; a scenario that fails has found something too. */
export async function play(name: string, place: Place): Promise<string[]> {
  mkdirSync(place.dir, { recursive: true });
  return SCENARIOS[name]!(place).catch((error: unknown) => [String(error)]);
}
