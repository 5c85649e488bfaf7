import { DAY, MINUTE, SECOND } from "@quarterpast/domain";

import { createLogger, fixedClock } from "@quarterpast/runtime";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { addInstance, ensureAccount, readBacklog } from "@quarterpast/store";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreHours } from "../../packages/cli/src/restore/hours.js";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { createBreaker } from "../../services/reporter/src/breaker.js";
import { reconcileAccepted } from "../../services/reporter/src/reconcile.js";
import { submitNext } from "../../services/reporter/src/submit.js";
import { fillHours, fillPackageHours, stopPackage } from "../fixtures/goldenHours.js";
import { H, usage, type Ledger } from "@quarterpast/testkit";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";
import { registerMadeUp } from "@quarterpast/testkit/madeUp";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

registerMadeUp();

let lost: ProvenLedger;
let restored: ProvenLedger;
let sandbox: Sandbox;
let market: OpenMarketplace;

beforeEach(async () => {
  lost = await openProvenLedger();
  restored = await openProvenLedger(undefined, join(lost.dir, "proof-key.pem"));
  sandbox = await createSandbox({ key: "k", validationDelayMs: 0 });
  market = openMarketplace({
    baseUrl: sandbox.url,
    statementPath: "/sandbox/sdr",
    key: "k",
  });
});
afterEach(async (context) => {
  const failed = context.task.result?.state === "fail";
  await market.close();
  await sandbox.close();
  await lost.end(failed);
  await restored.end(failed);
});

/** Files everything that is owed. */
async function file({ pool, account }: Ledger): Promise<void> {
  const clock = fixedClock(hourAfter(3) + 5 * MINUTE, Date.now() * 1_000);
  await sandbox.setClock({ start: new Date(clock.now() / 1_000).toISOString(), rate: 0 });
  const logger = createLogger({ service: "test", level: "silent" });
  const deps = {
    pool,
    clock,
    logger,
    account,
    profile: market,
    client: market,
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  };
  for (let calls = 0; (await readBacklog(pool, account.accountNo)).submissions > 0; calls += 1) {
    if (calls > 100) throw new Error("submissions do not end");
    if (!(await submitNext(deps))) clock.advance(20 * SECOND);
  }
}

/** Imports what the marketplace shows after its collection. */
async function reconcile({ pool, account }: Ledger): Promise<void> {
  const clock = fixedClock(hourAfter(3) + 20 * MINUTE, Date.now() * 1_000);
  await sandbox.setClock({ start: new Date(clock.now() / 1_000).toISOString(), rate: 0 });
  await sandbox.settle();
  const logger = createLogger({ service: "test", level: "silent" });
  await reconcileAccepted({ pool, clock, logger, profile: market, client: market, account });
}

/** What must be the same in a restored ledger. */
async function heldBy({ rows }: Ledger) {
  const of = "JOIN instances i USING (instance_no)";
  return {
    records: await rows(
      "SELECT sn, shard, seq, canonical, checksum, wire, package_instance, quantity::text, window_ends, expires FROM records ORDER BY shard, seq",
    ),
    chains: await rows("SELECT shard, seq, checksum FROM chains ORDER BY shard"),
    usage: await rows(
      `SELECT instance_id, bill_hour, origin_hour, trim_scale(quantity)::text, events FROM hour_usage ${of} ORDER BY 1, 2, 3`,
    ),
    events: await rows(
      `SELECT source, key, instance_id, bill_hour, occurred, quantity::text, value, id FROM events JOIN sources USING (source_no) ${of} ORDER BY 1, 2`,
    ),
    hours: await rows("SELECT hour, shard, status, reason, sealed_at, frozen_at FROM hours ORDER BY 1, 2"),
    shards: await rows("SELECT * FROM shards ORDER BY shard"),
    residues: await rows(
      `SELECT instance_id, hour, trim_scale(residue)::text FROM residues ${of} ORDER BY 1, 2`,
    ),
    max: await rows(`SELECT instance_id, origin_hour, value::text FROM standing_max ${of} ORDER BY 1, 2`),
    values: await rows(
      `SELECT instance_id, origin_hour, value_key FROM standing_values ${of} ORDER BY 1, 2, 3`,
    ),
    proofs: await rows(
      `SELECT hour, instance_id, sn, events_root, leaves FROM record_proofs ${of} ORDER BY 1, 2`,
    ),
    manifests: await rows(
      "SELECT number, hour, canonical, hash, signature, seq_from, seq_to FROM manifests ORDER BY number",
    ),
    totals: await rows(
      "SELECT number, product, meter, kind, trim_scale(quantity)::text, records FROM manifest_totals ORDER BY 1, 2, 3, 4",
    ),
  };
}

test("brings back what records took from packages, once", async () => {
  const taken = ({ rows }: Ledger) =>
    rows(
      `SELECT package_instance, hour, trim_scale(quantity)::text AS quantity FROM billing.package_use ORDER BY 2, 1`,
    );
  await fillPackageHours(lost);
  await lost.prove();
  await restored.ledger.meter("tokens", "sum");
  await stopPackage(restored.ledger, "p-1", "customer-1", "10");
  await stopPackage(restored.ledger, "p-2", "customer-1", "3");
  for (let times = 0; times < 2; times += 1) {
    await restoreHours(restored.ledger.pool, openFolder(lost.dir), {});
    expect(await taken(restored.ledger)).toEqual(await taken(lost.ledger));
  }
  expect(await heldBy(restored.ledger)).toEqual(await heldBy(lost.ledger));
  expect(await taken(lost.ledger)).toEqual([
    { package_instance: "p-1", hour: H, quantity: "8" },
    { package_instance: "p-1", hour: hourAfter(1), quantity: "2" },
    { package_instance: "p-2", hour: hourAfter(1), quantity: "3" },
  ]);
});

test("brings sealed hours back into a backup of before, and what the journal replays bills nothing twice", async () => {
  await fillHours(lost);
  await lost.prove();
  await file(lost.ledger);
  await sandbox.settle();
  const { totals: billed } = sandbox.store.totals("instance");

  // The backup knows the meters, one instance, and two of the first hour's events; one waits without its instance.
  await restored.ledger.meter("tokens", "sum");
  await restored.ledger.instance("i-sum", "tokens", "客户-1");
  const seen = (n: number) =>
    usage({
      source: n % 2 ? "源/甲" : "a%b",
      id: `事件-${n}`,
      subject: "客户-1",
      time: H + (n * MINUTE + 123_456),
      quantity: "1.25",
    });
  await restored.count([seen(0), seen(1), usage({ id: "stranger", subject: "nobody", time: H })]);

  const summary = await restoreHours(restored.ledger.pool, openFolder(lost.dir), {});
  expect(summary).toMatchObject({ hours: 3, records: 11, events: 23, skipped: 0 });
  const before = await heldBy(lost.ledger);
  expect(await heldBy(restored.ledger)).toEqual({ ...before, events: expect.arrayContaining(before.events) });
  expect(await restoreHours(restored.ledger.pool, openFolder(lost.dir), {})).toMatchObject({
    hours: 0,
    skipped: 3,
    calls: 0,
  });

  // The marketplace keeps what it has: the same serial numbers and bytes prove delivery.
  await file(restored.ledger);
  await sandbox.settle();
  expect(sandbox.store.totals("instance").totals).toEqual(billed);
  await reconcile(restored.ledger);
  expect(await restored.ledger.rows("SELECT DISTINCT state FROM billing.records")).toEqual([
    { state: "billed" },
  ]);
  expect(await restored.ledger.rows("SELECT * FROM findings WHERE kind <> 'late'")).toEqual([]);

  // The journal, replayed completely, and one event that is in no backup and no export.
  await restored.count([
    ...Array.from({ length: 9 }, (_, n) => seen(n)),
    usage({ id: "new", subject: "客户-1", time: hourAfter(2) + MINUTE, quantity: "4" }),
    usage({ meter: "seats", subject: "customer-4", time: H + MINUTE, quantity: "11" }),
  ]);
  await restored.freezeBefore(hourAfter(4));
  const added = await restored.ledger.rows(
    "SELECT instance_id, quantity::text, hour FROM billing.records WHERE hour >= to_timestamp($1::float8) ORDER BY 1",
    [hourAfter(3) / 1e6],
  );
  // Of the larger maximum, only the difference.
  expect(added).toEqual([
    { instance_id: "i-max", quantity: "2.0000", hour: hourAfter(3) },
    { instance_id: "i-sum", quantity: "4.0000", hour: hourAfter(3) },
  ]);
  await restored.prove();
  copyFileSync(
    join(restored.dir, "hours", "20260301T130000Z-koogallery-cn.ndjson"),
    join(lost.dir, "hours", "20260301T130000Z-koogallery-cn.ndjson"),
  );
  copyFileSync(
    join(restored.dir, "hours", "20260301T130000Z-koogallery-cn.ndjson.sha256"),
    join(lost.dir, "hours", "20260301T130000Z-koogallery-cn.ndjson.sha256"),
  );
  const { findings } = await verifyFolder(openFolder(lost.dir), {
    anchorFile: join(restored.dir, "anchors.ndjson"),
  });
  expect(findings).toEqual([]);
});

test("gives a record back the slot that it holds, so that no second one is ever filed in it", async () => {
  const ofHours = { code: "made-up", marketplace: "madeup", site: "main", dayOffset: 0 };
  for (const { ledger, deps } of [lost, restored]) {
    const account = await ensureAccount(ledger.pool, ofHours, H);
    deps.accounts = [...deps.accounts, account];
    await ledger.meter("tokens", "sum");
    const life = { product: "product", meter: "tokens", subject: "customer-9", opened: H - DAY };
    await addInstance(ledger.pool, { accountNo: account.accountNo, instanceId: "i-9", ...life }, H);
  }
  await lost.count([usage({ id: "nine", subject: "customer-9", time: H + MINUTE, quantity: "9" })]);
  await lost.freezeBefore(hourAfter(1));
  await lost.prove();
  await restoreHours(restored.ledger.pool, openFolder(lost.dir), {});
  const held = ({ rows }: Ledger) => rows("SELECT sn, part, slot FROM records");
  expect(await held(lost.ledger)).toMatchObject([{ slot: "20260301T100000Z" }]);
  expect(await held(restored.ledger)).toEqual(await held(lost.ledger));
});

test("writes nothing of exports that are not what was signed", async () => {
  await fillHours(lost);
  await lost.prove();
  const path = join(lost.dir, "hours", "20260301T110000Z-koogallery-cn.ndjson");
  writeFileSync(path, readFileSync(path, "utf8").replace('"quantity":"3"', '"quantity":"4"'));
  await expect(restoreHours(restored.ledger.pool, openFolder(lost.dir), {})).rejects.toMatchObject({
    exitCode: 3,
  });
  expect(await restored.ledger.rows("SELECT 1 FROM records")).toEqual([]);
});
