import { HOUR, MINUTE, SECOND } from "@quarterpast/domain";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { readBacklog } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { freezeRecords } from "../src/freeze.js";
import { sealDueHours } from "../src/seal.js";
import { createBreaker } from "../src/breaker.js";
import { submitNext } from "../src/submit.js";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

let ledger: Ledger;
let sandbox: Sandbox;
let market: OpenMarketplace;
let clock: FixedClock;
beforeEach(async () => {
  ledger = await openLedger();
  sandbox = await createSandbox({ key: "key", validationDelayMs: 0 });
  clock = fixedClock(H + HOUR + 2 * MINUTE, Date.now() * 1_000);
  market = openMarketplace({
    baseUrl: sandbox.url,
    key: "key",
  });
  await sandbox.setClock({ start: new Date(clock.now() / 1_000).toISOString(), rate: 0 });
});
afterEach(async (context) => {
  await market.close();
  await sandbox.close();
  await ledger.end(context.task.result?.state === "fail");
});

test("'already there' for a record that went out before in another call is proof of delivery", async () => {
  await ledger.meter("tokens", "sum");
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.rows(
    "INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 5, 1 FROM instances",
    [H / 1e6],
  );
  const deps = {
    pool: ledger.pool,
    clock,
    logger: createLogger({ service: "test", level: "silent" }),
    profile: market,
    client: market,
    account: ledger.account,
    recordsPerCall: 1_000,
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  };
  while (await sealDueHours(deps));
  while (await freezeRecords(deps));
  // The record is taken, and answered with an unknown code: it is sent again in a separate call.
  sandbox.setFaults([
    { mode: "abnormal_sync", code: "777", share: 1, times: 1 },
    { mode: "abnormal_sync", code: "005", share: 1, times: 1 },
  ]);
  for (
    let round = 0;
    (await readBacklog(ledger.pool, ledger.account.accountNo)).submissions > 0 && round < 20;
    round += 1
  ) {
    while (await submitNext(deps));
    clock.advance(20 * SECOND);
  }
  expect(await ledger.rows("SELECT state FROM billing.records")).toEqual([{ state: "duplicate" }]);
});
