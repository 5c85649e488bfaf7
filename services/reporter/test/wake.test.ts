import { HOUR, MINUTE, type Micros } from "@quarterpast/domain";
import { createLogger, createMetrics, type Clock } from "@quarterpast/runtime";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createReporter, type Reporter } from "../src/reporter.js";

/** The doubling rests of a loop have come to one of 12.8 s by then. */
const RESTING_AFTER_MS = 13_000;
const AT_ONCE_MS = 6_000;
const logger = createLogger({ service: "test", level: "silent" });
let ledger: Ledger;
let sandbox: Sandbox;
let market: OpenMarketplace;
let reporter: Reporter;
let quiet: number;
let now: Micros;
/** Runs by real time, so that the loops rest; the test sets what time it is. */
const clock: Clock = { now: () => now, real: () => Date.now() * 1_000, rate: () => 1 };

beforeEach(async () => {
  ledger = await openLedger();
  sandbox = await createSandbox({ key: "a-key-for-tests", validationDelayMs: 0 });
  market = openMarketplace({ baseUrl: sandbox.url, key: "a-key-for-tests" });
  await setTime(H + 30 * MINUTE);
  await ledger.meter("tokens", "sum");
  await ledger.instance("i-1", "tokens", "customer-1");
  quiet = 0;
  reporter = createReporter({
    ...{ pool: ledger.pool, clock, logger, metrics: createMetrics("test") },
    accounts: [{ account: ledger.account, profile: market, client: market }],
    ...{ recordsPerCall: 1_000, instancesPerChunk: 1_000, random: () => 1 },
    onQuiet: () => void (quiet += 1),
    idleMs: 60_000,
  });
  // The first probe would take the fault that is meant for a call.
  await vi.waitUntil(() => sandbox.store.calls().length > 0, 10_000);
});
afterEach(async (context) => {
  await reporter.stop();
  await sandbox.close();
  await ledger.end(context.task.result?.state === "fail");
});

async function setTime(at: Micros): Promise<void> {
  now = at;
  await sandbox.setClock({ start: new Date(at / 1_000).toISOString(), rate: 0 });
}

/** Usage of an hour. No collector is to confirm it: it may be sealed two minutes after its end. */
async function used(hour: Micros): Promise<void> {
  await ledger.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 5, 1 FROM instances`,
    [hour / 1e6],
  );
}

/** Real ms at which the query first gives that many rows. */
async function whenThere(sql: string, count: number): Promise<number> {
  for (const until = Date.now() + 15_000; Date.now() < until;) {
    if ((await ledger.rows(sql)).length >= count) return Date.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not ${count} rows: ${sql}`);
}

const sentAt = async () =>
  (
    await ledger.rows<{ at: number }>(
      "SELECT extract(epoch FROM sent_real)::float8 * 1000 AS at FROM attempts ORDER BY sent_real",
    )
  ).map(({ at }) => at);

test("a sealed hour is filed at once, without waiting for a loop that looks by itself", async () => {
  await used(H);
  await new Promise((resolve) => setTimeout(resolve, RESTING_AFTER_MS));
  await setTime(H + HOUR + 2 * MINUTE);
  const sealed = await whenThere("SELECT FROM hours WHERE status = 'complete'", 1);
  const filed = await whenThere("SELECT FROM billing.records WHERE state = 'accepted'", 1);
  expect(filed - sealed).toBeLessThan(AT_ONCE_MS);
  await vi.waitFor(() => expect(quiet).toBe(1), 5_000);
}, 60_000);

test("what is to go out again goes out when it is due", async () => {
  await used(H);
  sandbox.setFaults([{ mode: "error5xx", times: 3 }]);
  await setTime(H + HOUR + 2 * MINUTE);
  await whenThere("SELECT FROM billing.records WHERE state = 'accepted'", 1);
  const sent = await sentAt();
  expect(sent).toHaveLength(4);
  // By the profile: half a second, doubled, and so on.
  for (const [at, wait] of [500, 1_000, 2_000].entries()) {
    const rest = sent[at + 1]! - sent[at]!;
    expect(rest).toBeGreaterThanOrEqual(wait);
    expect(rest).toBeLessThan(wait + AT_ONCE_MS);
  }
}, 30_000);

test("a call that hangs is not a pass that ended", async () => {
  await used(H);
  sandbox.setFaults([{ mode: "slow", afterMs: 2_000, times: 1 }]);
  await setTime(H + HOUR + 2 * MINUTE);
  await whenThere("SELECT FROM attempts", 1);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(reporter.msSincePass()).toBeGreaterThan(1_200);
}, 30_000);
