import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createTestRedisPrefix,
  testServers,
  batchOf,
  H,
  openLedger,
  usage,
  type Ledger,
} from "@quarterpast/testkit";
import { formatInstant, HOUR, MINUTE, type Micros, type UsageEvent } from "@quarterpast/domain";

import { encodeBatch } from "@quarterpast/queue";
import { createLogger, fixedClock } from "@quarterpast/runtime";
import { createSandbox } from "@quarterpast/sandbox/koogallery";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countBatch } from "../../services/aggregator/src/count.js";
import { createCorrector } from "../../services/aggregator/src/correct.js";
import { openJournal } from "../../services/collector/src/journal/journal.js";
import { createBreaker } from "../../services/reporter/src/breaker.js";
import { freezeRecords } from "../../services/reporter/src/freeze.js";
import { openProofKey, writePublicKey } from "../../services/reporter/src/proofKey.js";
import { proveHours } from "../../services/reporter/src/prove.js";
import { reconcileAccepted } from "../../services/reporter/src/reconcile.js";
import { sealDueHours } from "../../services/reporter/src/seal.js";
import { submitNext } from "../../services/reporter/src/submit.js";
import { audit, snapshot } from "./auditor.js";
import type { AuditConfig } from "./audit/input.js";
import { openMarketplace } from "@quarterpast/testkit/marketplace";

const KEY = "red-key";
const VERIFIER = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));
const logger = createLogger({ service: "test", level: "silent" });
const redisUrl = testServers().redisUrl;
const admin = new pg.Client({ connectionString: testServers().databaseUrl });
let ledger: Ledger;
let healthy: AuditConfig;
const made: string[] = [];

/** A small system at rest: two hours, a duplicate, a conflict, corrections, a late event, one in quarantine. */
beforeAll(async () => {
  await admin.connect();
  ledger = await openLedger();
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-red-"));
  const truthPath = join(dir, "truth.ndjson");
  const sandbox = await createSandbox({ key: KEY, validationDelayMs: 0, dataDir: join(dir, "sandbox") });
  const journal = await openJournal({
    dir: join(dir, "journal"),
    logger,
    keepHours: 48,
    real: () => Date.now() * 1_000,
  });
  const clock = fixedClock(H + MINUTE, Date.now() * 1_000);
  const market = openMarketplace({
    baseUrl: sandbox.url,
    statementPath: "/sandbox/sdr",
    key: KEY,
  });
  const deps = {
    pool: ledger.pool,
    clock,
    logger,
    profile: market,
    client: market,
    account: ledger.account,
    recordsPerCall: 1_000,
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  };
  await ledger.meter("tokens", "sum");
  await ledger.meter("seats", "unique");
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.instance("i-2", "seats", "customer-1");
  const truth: object[] = [];
  let batches = 0;
  const send = async (events: UsageEvent[]): Promise<void> => {
    const batch = { ...batchOf(events, journal.reserve()), received: clock.now() };
    truth.push(
      { k: "batch", b: (batches += 1), events: events.map(truthOf) },
      { k: "reply", b: batches, status: 202 },
    );
    await journal.append(batch.seq, clock.now(), Buffer.from(JSON.stringify(encodeBatch(batch))));
    await countBatch({ pool: ledger.pool, now: () => clock.now() }, batch);
  };
  const setTime = async (now: Micros) => {
    clock.set(now);
    await sandbox.setClock({ start: formatInstant(now), rate: 0 });
  };
  const first = usage({ id: "first", quantity: "1.23456" });
  await send([
    first,
    usage({ id: "second", quantity: "2" }),
    usage({ id: "who", subject: "nobody", quantity: "5" }),
  ]);
  await send([
    first,
    usage({ id: "second", quantity: "3" }),
    usage({ id: "seat", meter: "seats", value: "ada" }),
  ]);
  await send([
    usage({ id: "fix", quantity: "3.5", extensions: { corrects: "first" } }),
    usage({ id: "fix again", quantity: "9", extensions: { corrects: "first" } }),
    usage({ id: "fix of fix", quantity: "3.25006", extensions: { corrects: "fix" } }),
    usage({ id: "fix of nobody", extensions: { cancels: "who" }, subject: "nobody" }),
  ]);
  const corrector = createCorrector({ pool: ledger.pool, now: () => clock.now() });
  while ((await corrector.run()) > 0);
  await setTime(H + HOUR + 10 * MINUTE);
  while (await sealDueHours(deps));
  while (await freezeRecords(deps));
  await send([usage({ id: "late", quantity: "4", time: H + 5 * MINUTE })]);
  await setTime(H + 2 * HOUR + 10 * MINUTE);
  while (await sealDueHours(deps));
  while (await freezeRecords(deps));
  while (await submitNext(deps));
  await setTime(H + 2 * HOUR + 16 * MINUTE);
  await sandbox.settle();
  await reconcileAccepted(deps);
  const proofs = { dir: join(dir, "proofs"), verifier: VERIFIER };
  const key = await openProofKey(join(proofs.dir, "proof-key.pem"));
  await writePublicKey(proofs.dir, key);
  const proving = {
    ...deps,
    accounts: [ledger.account],
    key,
    dir: proofs.dir,
    anchorFile: join(proofs.dir, "anchors.ndjson"),
  };
  while (await proveHours(proving));
  writeFileSync(truthPath, truth.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await journal.close();
  await market.close();
  await sandbox.close();
  healthy = {
    databaseUrl: ledger.url,
    redisUrl,
    queuePrefix: createTestRedisPrefix(),
    truthPath,
    sandboxStore: join(dir, "sandbox", "sandbox.ndjson"),
    journals: [join(dir, "journal")],
    proofs,
    snapshots: [join(dir, "sealed.json")],
  };
  await snapshot(ledger.url, join(dir, "sealed.json"));
  await ledger.pool.end();
});
afterAll(async () => {
  for (const name of made) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin.query(`DROP DATABASE IF EXISTS ${databaseOf(ledger.url)} WITH (FORCE)`);
  await admin.end();
  rmSync(join(healthy.truthPath, ".."), { recursive: true, force: true });
});

const databaseOf = (url: string) => new URL(url).pathname.slice(1);
const truthOf = ({ source, id, subject, meter, time, quantity, value, extensions }: UsageEvent) => [
  source,
  id,
  subject,
  meter,
  formatInstant(time),
  quantity ?? null,
  value ?? null,
  ...Object.entries(extensions ?? {}).slice(0, 1),
];

/** A copy of the healthy system's database, changed with its triggers bypassed. */
async function doctored(...sql: string[]): Promise<AuditConfig> {
  const name = `qp_red_${randomUUID().slice(0, 8)}`;
  made.push(name);
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${databaseOf(ledger.url)}`);
  const url = new URL(ledger.url);
  url.pathname = `/${name}`;
  const db = new pg.Client({ connectionString: url.href });
  await db.connect();
  try {
    await db.query("SET session_replication_role = replica");
    for (const each of sql) {
      const { rowCount } = await db.query(each);
      if (/^(UPDATE|DELETE|INSERT)/.test(each) && rowCount === 0) throw new Error(`changed nothing: ${each}`);
    }
  } finally {
    await db.end();
  }
  return { ...healthy, databaseUrl: url.href };
}

/** The marketplace's file with changed lines. */
function otherMarket(change: (line: Record<string, any>) => object | object[] | undefined): AuditConfig {
  const lines = readFileSync(healthy.sandboxStore, "utf8").trim().split("\n");
  const changed = lines.flatMap((line) => change(JSON.parse(line) as Record<string, any>) ?? []);
  const sandboxStore = join(healthy.truthPath, "..", `${randomUUID()}.ndjson`);
  writeFileSync(sandboxStore, changed.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { ...healthy, sandboxStore };
}

const idsOf = async (config: AuditConfig) => new Set((await audit(config)).violations.map(({ id }) => id));

test("the healthy system is green, and is not empty", async () => {
  expect((await audit(healthy)).violations).toEqual([]);
  const config = await doctored("TRUNCATE records, hour_usage CASCADE");
  expect((await idsOf(config)).size).toBeGreaterThan(3);
});

describe("each invariant is seen red in the ledger:", () => {
  test.each([
    ["I1", "an acknowledged event is gone", ["DELETE FROM events WHERE id = 'first'"]],
    [
      "I1",
      "an event is there twice",
      [
        "ALTER TABLE events DROP CONSTRAINT events_pkey",
        "INSERT INTO events SELECT * FROM events WHERE id = 'first'",
      ],
    ],
    [
      "I1",
      "an event nobody sent",
      [
        "INSERT INTO events (key, occurred, source_no, instance_no, timed, quantity, id) SELECT gen_random_uuid(), occurred, source_no, instance_no, false, 7, 'x' FROM events WHERE id = 'first'",
      ],
    ],
    ["I1", "a quarantined event is forgotten", ["DELETE FROM quarantine"]],
    ["I2", "an hour sums to more than was sent", ["UPDATE hour_usage SET quantity = quantity + 1"]],
    [
      "I2",
      "a correction counts for more than the difference",
      ["UPDATE events SET quantity = quantity + 1 WHERE id = 'fix'"],
    ],
    [
      "I2",
      "a correction counts although another did",
      [
        "UPDATE events e SET instance_no = t.instance_no, bill_hour = t.bill_hour, quantity = 9 - 1.23456 FROM events t WHERE t.id = 'first' AND e.id = 'fix again'",
      ],
    ],
    [
      "I2",
      "a correction waits although its event counts",
      [
        "UPDATE events SET instance_no = NULL, bill_hour = NULL, quantity = 3.25006 WHERE id = 'fix of fix'",
        "UPDATE quarantine SET released_at = NULL",
      ],
    ],
    ["I15", "a correction is not listed", ["DELETE FROM corrections WHERE quantity = 3.25006"]],
    ["I3", "residue grows out of nothing", ["UPDATE residues SET residue = residue + 0.00001"]],
    ["I3", "residue of a whole step", ["UPDATE residues SET residue = 0.0001"]],
    [
      "I5",
      "two records have one interval",
      [
        "INSERT INTO records SELECT account_no, shard, 99, 'b1other', kind, instance_no, hour, begin_at, end_at, '9', quantity, events, replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at FROM records LIMIT 1",
      ],
    ],
    [
      "I7",
      "the intent came after the send",
      ["UPDATE attempts SET sent_real = sent_real + interval '1 hour'"],
    ],
    ["I8", "a record over two hours", ["UPDATE records SET end_at = end_at + interval '30 minutes'"]],
    [
      "I8",
      "a record of nothing",
      ["ALTER TABLE records DROP CONSTRAINT records_check1", "UPDATE records SET quantity = 0"],
    ],
    ["I9", "a sealed row changed", ["UPDATE hour_usage SET events = events + 1"]],
    ["I9", "a sealed record is gone", ["DELETE FROM records"]],
    [
      "I10",
      "usage billed before its hour",
      ["UPDATE events SET bill_hour = date_trunc('hour', occurred) - interval '1 hour' WHERE id = 'first'"],
    ],
    ["I10", "a late event in no record", ["UPDATE records SET events = events + 1"]],
    ["I11", "an hour counts more events", ["UPDATE hour_usage SET events = events + 1"]],
    ["I12", "a column is not what its bytes say", ["UPDATE records SET quantity = quantity + 1"]],
    ["I12", "a link of the chain is another", ["UPDATE records SET prev = checksum"]],
    [
      "I12",
      "a record of the chain is missing",
      ["DELETE FROM records WHERE seq = 1 AND shard IN (SELECT shard FROM records WHERE seq = 2)"],
    ],
    [
      "I13",
      "a record came to rest as unknown",
      ["INSERT INTO outcomes (sn, state, source, at) SELECT sn, 'unknown', 'reply', now() FROM records"],
    ],
    ["I13", "billed without a statement", ["DELETE FROM statement_lines"]],
    [
      "I14",
      "an entry without a receipt",
      ["DELETE FROM receipts WHERE seq = (SELECT max(seq) FROM receipts)"],
    ],
    ["I15", "a conflict is not listed", ["DELETE FROM conflicts"]],
  ])("%s: %s", async (id, _what, sql) => {
    expect(await idsOf(await doctored(...sql))).toContain(id);
  });
});

describe("each invariant is seen red at the marketplace:", () => {
  const firstRecords = (
    line: Record<string, any>,
    change: (record: Record<string, string>) => void,
  ): object => {
    if (line.kind !== "call") return line;
    for (const record of (line.records ?? []) as Record<string, string>[]) change(record);
    return line;
  };
  test.each([
    [
      "I4",
      "a record is not collected",
      () => otherMarket((line) => (line.kind === "collected" ? undefined : line)),
    ],
    [
      "I4",
      "a record nobody sent is there",
      () => otherMarket((line) => firstRecords(line, (record) => (record.metering_sn = "stranger"))),
    ],
    [
      "I5",
      "an interval is billed twice",
      () =>
        otherMarket((line) =>
          line.kind === "call" && line.records
            ? [line, { ...line, call: 999, first: line.first + 1_000 }]
            : line,
        ),
    ],
    [
      "I6",
      "other bytes arrived than were frozen",
      () => otherMarket((line) => firstRecords(line, (record) => (record.usage_value = "9.9999"))),
    ],
    [
      "I7",
      "a record came before its hour's end",
      () => otherMarket((line) => ({ ...line, product: formatInstant(H + MINUTE) })),
    ],
    [
      "I7",
      "a record came after it expired",
      () => otherMarket((line) => ({ ...line, product: formatInstant(H + 30 * 24 * HOUR) })),
    ],
    [
      "I19",
      "a day sums to something else",
      () => otherMarket((line) => firstRecords(line, (record) => (record.usage_value = "9.9999"))),
    ],
  ])("%s: %s", async (id, _what, config) => {
    expect(await idsOf(config())).toContain(id);
  });
});

describe("each invariant is seen red in the proofs:", () => {
  /** A copy of the proofs with one file changed. */
  const otherProofs = (file: string, change: (text: string) => string): AuditConfig => {
    const dir = join(healthy.truthPath, "..", randomUUID());
    cpSync(healthy.proofs!.dir, dir, { recursive: true });
    const path = join(dir, file);
    const text = readFileSync(path, "utf8");
    if (change(text) === text) throw new Error(`changed nothing: ${file}`);
    writeFileSync(path, change(text));
    return { ...healthy, proofs: { dir, verifier: VERIFIER } };
  };
  const hour = () =>
    `hours/${readdirSync(join(healthy.proofs!.dir, "hours")).find((name) => name.endsWith("ndjson"))!}`;

  test.each([
    [
      "I12",
      "a figure of an export",
      () => otherProofs(hour(), (text) => text.replace('"qty":"', '"qty":"1')),
    ],
    ["I12", "a line is cut from an export", () => otherProofs(hour(), (text) => text.replace(/^.*\n/, ""))],
    [
      "I12",
      "the anchors name another manifest",
      () => otherProofs("anchors.ndjson", (text) => text.replace(/"hash":"./, '"hash":"_')),
    ],
    [
      "I11",
      "an event is counted and not proven",
      () => doctored("UPDATE events SET bill_hour = bill_hour - interval '1 hour' WHERE id = 'late'"),
    ],
    [
      "I12",
      "a record is not the exported one",
      () => doctored('UPDATE records SET canonical = replace(canonical, \'"qty":"\', \'"qty":"1\')'),
    ],
    [
      "I12",
      "an hour was never proven",
      () => doctored("DELETE FROM anchors", "DELETE FROM manifest_totals", "DELETE FROM manifests"),
    ],
  ] as [string, string, () => AuditConfig | Promise<AuditConfig>][])("%s: %s", async (id, _what, config) => {
    expect(await idsOf(await config())).toContain(id);
  });
});

describe("each invariant is seen red in the transport:", () => {
  test("I14: a job is left", async () => {
    const redis = new Redis(redisUrl);
    const key = `${healthy.queuePrefix}:usage:failed`;
    await redis.zadd(key, 1, "1-1");
    const ids = await idsOf(healthy);
    await redis.del(key);
    redis.disconnect();
    expect(ids).toContain("I14");
  });

  test("I17: an acknowledged event is in no journal", async () => {
    const empty = join(healthy.truthPath, "..", "empty");
    mkdirSync(empty);
    expect(await idsOf({ ...healthy, journals: [empty] })).toContain("I17");
  });

  test("I14: entries lie behind damage", async () => {
    const dir = join(healthy.truthPath, "..", "damaged");
    cpSync(healthy.journals[0]!, dir, { recursive: true });
    const file = join(dir, "0000000000000001.journal");
    const bytes = readFileSync(file);
    bytes.write("XXXX", 4_096);
    writeFileSync(file, bytes);
    expect(await idsOf({ ...healthy, journals: [dir] })).toContain("I14");
  });
});
