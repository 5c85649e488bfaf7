import { HOUR, MINUTE, SECOND, STATEMENT_LAG, type Micros } from "@quarterpast/domain";
import { secret, versionsAfterStatement } from "@quarterpast/marketplace";
import type { Push } from "@quarterpast/marketplace/koogallery";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { claimSubmissions, readBacklog, requestRereport } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { createBreaker } from "../src/breaker.js";
import { watchCases } from "../src/cases.js";
import { freezeRecords } from "../src/freeze.js";
import { reconcileAccepted } from "../src/reconcile.js";
import { carryOutRereport } from "../src/rereport.js";
import { sealDueHours } from "../src/seal.js";
import { submitNext } from "../src/submit.js";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

const KEY = "a-key-for-tests";
const FILED = H + HOUR + 3 * MINUTE;
const logger = createLogger({ service: "test", level: "silent" });
let ledger: Ledger;
let sandbox: Sandbox;
let markets: OpenMarketplace[];
let clock: FixedClock;

beforeEach(async () => {
  ledger = await openLedger();
  sandbox = await createSandbox({ key: KEY, validationDelayMs: 0 });
  markets = [];
  clock = fixedClock(H, Date.now() * 1_000);
  await ledger.meter("tokens", "sum");
});
afterEach(async (context) => {
  await Promise.all(markets.map((market) => market.close()));
  await sandbox.close();
  await ledger.end(context.task.result?.state === "fail");
});

function depsOf(push: Push = "old", hasAccessKey = true) {
  const market = openMarketplace({
    ...{ baseUrl: sandbox.url, statementPath: "/sandbox/sdr" },
    ...{ key: KEY, push },
    accessKey: () => (hasAccessKey ? { ak: "sandbox", sk: secret(KEY) } : undefined),
    timeouts: { headersMs: 1_200, totalMs: 1_500 },
  });
  markets.push(market);
  return {
    ...{
      pool: ledger.pool,
      clock,
      logger,
      profile: market,
      client: market,
      account: ledger.account,
      recordsPerCall: 1_000,
    },
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  };
}
type Deps = ReturnType<typeof depsOf>;

/** Sets product time here and at the marketplace. */
async function setTime(now: Micros): Promise<void> {
  clock.set(now);
  await sandbox.setClock({ start: new Date(now / 1_000).toISOString(), rate: 0 });
}

/** One record of an hour, frozen for this push. */
async function freezeOne(deps: Deps): Promise<void> {
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.rows(
    "INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 42, 1 FROM instances",
    [H / 1e6],
  );
  await setTime(FILED);
  while (await sealDueHours(deps));
  while (await freezeRecords(deps));
}

/** Lets all leases and pauses expire, in real time; returns how many calls were sent. */
async function submitDue(deps: Deps): Promise<number> {
  for (let calls = 0; ; calls += 1) {
    const now = clock.now();
    clock.advance(HOUR);
    clock.set(now);
    if (!(await submitNext(deps))) return calls;
    if (calls > 10) throw new Error("calls do not end");
  }
}
const reconcileAt = async (deps: Deps, now: Micros) => {
  await setTime(now);
  await sandbox.settle();
  await reconcileAccepted(deps);
};
const states = async () =>
  (await ledger.rows<{ state: string }>("SELECT state FROM billing.records ORDER BY seq")).map(
    ({ state }) => state,
  );
const held = () => sandbox.store.records().map(({ state, usage_value }) => `${state} ${usage_value}`);
const sent = () => sandbox.store.calls().map(({ push, sha256 }) => [push, sha256]);

test("a call that was taken and not answered is not sent again; the statement shows it, and nothing is there twice", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  sandbox.setFaults([{ mode: "accept_then_timeout", times: 1 }]);
  expect(await submitDue(deps)).toBe(1);
  expect(await states()).toEqual(["unknown"]);
  expect(await submitDue(deps)).toBe(0);
  expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({
    submissions: 1,
    records: 1,
  });
  await reconcileAt(deps, FILED);
  expect(await states()).toEqual(["accepted"]);
  expect(await submitDue(deps)).toBe(0);
  await reconcileAt(deps, H + HOUR + 16 * MINUTE);
  expect([await states(), held(), sent().length]).toEqual([["billed"], ["billed 42.0000"], 1]);
});

test("a call that a complete statement does not show goes out again once, as it was", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  sandbox.setFaults([{ mode: "error5xx", times: 1 }]);
  expect(await submitDue(deps)).toBe(1);
  // The list may not show yet what the marketplace has just taken.
  await reconcileAt(deps, FILED + STATEMENT_LAG - SECOND);
  expect([await submitDue(deps), await states()]).toEqual([0, ["unknown"]]);
  await reconcileAt(deps, FILED + STATEMENT_LAG);
  expect(await states()).toEqual(["frozen"]);
  expect(await submitDue(deps)).toBe(1);
  await reconcileAt(deps, H + HOUR + 16 * MINUTE);
  expect([await states(), held()]).toEqual([["billed"], ["billed 42.0000"]]);
  const [second, first] = sent();
  expect([sent().length, second]).toEqual([2, first]);
  expect(first![0]).toBe("old");
});

test("a call whose lease ran out is left to a statement, not to the next reporter", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  const { accountNo } = ledger.account;
  const claim = { accountNo, now: FILED, real: clock.real(), leaseUntil: clock.real() + SECOND, limit: 1 };
  expect(
    await claimSubmissions(ledger.pool, { ...claim, afterStatement: versionsAfterStatement(deps.profile) }),
  ).toHaveLength(1);
  expect([await submitDue(deps), await states()]).toEqual([0, ["unknown"]]);
  await reconcileAt(deps, FILED + STATEMENT_LAG);
  expect([await submitDue(deps), await states(), held().length]).toEqual([1, ["accepted"], 1]);
});

test("a single record of which the reply says nothing clear waits too", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  sandbox.setFaults([{ mode: "abnormal_sync", code: "777", times: 1 }]);
  expect(await submitDue(deps)).toBe(1);
  expect([await states(), await submitDue(deps)]).toEqual([["unknown"], 0]);
  await reconcileAt(deps, FILED + STATEMENT_LAG);
  expect([await states(), await submitDue(deps)]).toEqual([["abnormal"], 0]);
  expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({ submissions: 0 });
});

test("a void record is filed again in its interval, and the statement's lines are distinguished", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  sandbox.setFaults([{ mode: "abnormal", code: "003", times: 1 }]);
  await submitDue(deps);
  await reconcileAt(deps, H + HOUR + 16 * MINUTE);
  expect(await states()).toEqual(["abnormal"]);
  const [{ sn }] = (await ledger.rows("SELECT sn FROM records")) as [{ sn: string }];
  const wish = { sn, quantity: "41", interval: null, reason: "a reason", keyId: "k" };
  await requestRereport(ledger.pool, ledger.account.accountNo, wish, clock.now());
  expect(await carryOutRereport(deps)).toBe(true);
  await submitDue(deps);
  await reconcileAt(deps, H + 2 * HOUR + 16 * MINUTE);
  expect([await states(), held()]).toEqual([
    ["replaced", "billed"],
    ["abnormal 42.0000", "billed 41.0000"],
  ]);
  expect(await ledger.rows("SELECT kind FROM billing.differences WHERE resolved_at IS NULL")).toEqual([]);
});

test("records go by the push they were frozen for; without its key they wait, and nothing else does", async () => {
  await freezeOne(depsOf());
  const keyless = depsOf("new", false);
  expect(await submitNext(keyless)).toBe(true);
  expect(await ledger.rows("SELECT state, code FROM billing.records")).toEqual([
    { state: "frozen", code: "OTHER_PUSH" },
  ]);
  expect([sent(), await ledger.rows("SELECT halted_code FROM accounts")]).toEqual([
    [],
    [{ halted_code: null }],
  ]);
  expect(await submitDue(depsOf("new"))).toBe(1);
  expect([await states(), sent().map(([push]) => push)]).toEqual([["accepted"], ["old"]]);
});

test("a call that waits when its window is over is a case, until a statement settles it", async () => {
  const deps = depsOf();
  await freezeOne(deps);
  sandbox.setFaults([{ mode: "accept_then_timeout", times: 1 }]);
  await submitDue(deps);
  await watchCases(deps);
  const cases = () => ledger.rows("SELECT kind, resolution FROM cases");
  expect(await cases()).toEqual([]);
  await setTime(H + HOUR + 16 * MINUTE);
  await watchCases(deps);
  expect(await cases()).toEqual([{ kind: "call_unknown", resolution: null }]);
  await reconcileAt(deps, H + HOUR + 17 * MINUTE);
  await watchCases(deps);
  expect(await cases()).toEqual([{ kind: "call_unknown", resolution: "settled" }]);
});
