import { randomUUID } from "node:crypto";
import { HOUR, MINUTE, SECOND } from "@quarterpast/domain";
import {
  clientOf,
  profileOf,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { addInstance, ensureAccount, type Account } from "@quarterpast/store";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { registerMadeUp, startMadeUpServer, type MadeUpServer } from "@quarterpast/testkit/madeUp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBreaker } from "../src/breaker.js";
import { freezeRecords } from "../src/freeze.js";
import { sealDueHours } from "../src/seal.js";
import { submitNext } from "../src/submit.js";

registerMadeUp();

const logger = createLogger({ service: "test", level: "silent" });
let ledger: Ledger;
let market: MadeUpServer;
let clock: FixedClock;
let account: Account;
let profile: MarketplaceProfile;
let client: MarketplaceClient;

beforeEach(async () => {
  ledger = await openLedger();
  market = await startMadeUpServer("key");
  clock = fixedClock(H, Date.now() * 1_000);
  const declared = {
    ...{ code: "made-up", marketplace: "madeup", site: "main" },
    settings: { MADE_UP_URL: market.url },
  };
  profile = profileOf(declared);
  const { dayOffset } = profile.windows;
  account = await ensureAccount(ledger.pool, { ...declared, dayOffset }, clock.now());
  client = clientOf(declared, () => "key", { now: Date.now, nonce: randomUUID });
  await ledger.meter("tokens", "sum");
});
afterEach(async (context) => {
  await client.close();
  await market.close();
  await ledger.end(context.task.result?.state === "fail");
});

const deps = () => ({
  ...{ pool: ledger.pool, clock, logger, profile, client, account, recordsPerCall: 25 },
  random: () => 0,
  breaker: createBreaker(() => clock.real() / 1_000),
  takeTurn: () => Promise.resolve(),
  onSettled: () => {},
});

/** An instance of the made-up account; its usage is of the hour of `H`. */
async function used(instance: string, quantity: string): Promise<void> {
  await addInstance(
    ledger.pool,
    {
      ...{ accountNo: account.accountNo, instanceId: instance, product: "product", meter: "tokens" },
      ...{ subject: `customer-${instance}`, opened: H - 24 * HOUR },
    },
    H,
  );
  await ledger.rows("UPDATE instances SET shard = 0 WHERE instance_id = $1", [instance]);
  await ledger.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($3::float8), instance_no, to_timestamp($3::float8), $2::numeric, 1
     FROM instances WHERE instance_id = $1`,
    [instance, quantity, H / 1e6],
  );
}

async function fileAll(): Promise<void> {
  clock.set(H + HOUR + 9 * MINUTE);
  while (await sealDueHours({ pool: ledger.pool, clock, logger }));
  while (await freezeRecords(deps()));
  while (await submitNext(deps()));
}

const records = () =>
  ledger.rows<{ instance_id: string; state: string; quantity: string; slot: string }>(
    `SELECT b.instance_id, b.state, trim_scale(r.quantity)::text AS quantity, r.slot
     FROM billing.records b JOIN records r USING (sn) ORDER BY b.instance_id`,
  );

test("usage goes out in whole units, one record of instance and hour, 25 a call", async () => {
  for (let n = 10; n < 70; n += 1) await used(`i-${n}`, "2.75");
  await fileAll();
  const filed = await records();
  expect(filed).toHaveLength(60);
  for (const one of filed)
    expect(one).toMatchObject({ state: "accepted", quantity: "2", slot: "20260301T100000Z" });
  expect(market.bodies.map((body) => (JSON.parse(body) as { records: unknown[] }).records.length)).toEqual([
    25, 25, 10,
  ]);
  expect(await ledger.rows("SELECT DISTINCT residue::text FROM residues")).toEqual([{ residue: "0.75" }]);
  expect(await ledger.rows("SELECT count(*)::int AS receipts FROM record_receipts")).toEqual([
    { receipts: 60 },
  ]);
});

test("each record of a call has the fate that the marketplace gave it; what was not taken goes out again", async () => {
  const fates = {
    BUSY: "accepted",
    CLOSED: "rejected_fixable",
    OLD: "expired",
    HELD: "conflict",
    TAKEN: "accepted",
  };
  for (const fate of Object.keys(fates)) await used(fate, "5");
  clock.set(H + HOUR + 9 * MINUTE);
  while (await sealDueHours({ pool: ledger.pool, clock, logger }));
  while (await freezeRecords(deps()));
  const named = await ledger.rows<{ sn: string; instance_id: string }>(
    "SELECT sn, instance_id FROM billing.records",
  );
  for (const { sn, instance_id: fate } of named) if (fate !== "TAKEN") market.answers.set(sn, fate);
  expect(await submitNext(deps())).toBe(true);
  clock.advance(10 * SECOND);
  while (await submitNext(deps()));
  const found = await records();
  expect(Object.fromEntries(found.map((one) => [one.instance_id, one.state]))).toEqual(fates);
});

test("two records of one hour and attempt are refused by the database", async () => {
  await used("i-1", "5");
  await fileAll();
  const copy = `INSERT INTO records SELECT account_no, shard, seq + 1, 'other' AS sn, kind, instance_no, hour,
    begin_at + interval '1 minute', end_at, part, quantity, events, replaces, canonical, checksum, prev, wire, wire_version,
    window_ends, late_ends, expires, frozen_at, package_instance, slot FROM records`;
  await expect(ledger.rows(copy)).rejects.toThrow(/records_slot/);
});
