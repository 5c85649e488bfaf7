import { addDecimals, HOUR, MINUTE, SECOND, type Micros } from "@quarterpast/domain";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { readBacklog, requestRereport, type ClaimedSubmission } from "@quarterpast/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { createBreaker } from "../src/breaker.js";
import { freezeRecords } from "../src/freeze.js";
import { reconcileAccepted } from "../src/reconcile.js";
import { carryOutRereport } from "../src/rereport.js";
import { sealDueHours } from "../src/seal.js";
import { submitNext } from "../src/submit.js";
import type { Decision } from "../src/verdict.js";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

const KEY = "a-key-for-tests";
const logger = createLogger({ service: "test", level: "silent" });
let ledger: Ledger;
let sandbox: Sandbox;
let market: OpenMarketplace;
let clock: FixedClock;
let settled: { claim: ClaimedSubmission; decision: Decision }[];

beforeEach(async () => {
  ledger = await openLedger();
  sandbox = await createSandbox({ key: KEY, validationDelayMs: 0 });
  clock = fixedClock(H + 30 * MINUTE, Date.now() * 1_000);
  market = openMarketplace({
    baseUrl: sandbox.url,
    statementPath: "/sandbox/sdr",
    key: KEY,
    timeouts: { headersMs: 1_500, totalMs: 2_000 },
  });
  settled = [];
  await ledger.meter("tokens", "sum");
});
afterEach(async (context) => {
  await market.close();
  await sandbox.close();
  await ledger.end(context.task.result?.state === "fail");
});

const deps = (recordsPerCall = 1_000) => ({
  pool: ledger.pool,
  clock,
  logger,
  profile: market,
  client: market,
  account: ledger.account,
  recordsPerCall,
  random: () => 0,
  breaker: createBreaker(() => clock.real() / 1_000),
  rateLimit: () => Promise.resolve(),
  onSettled: (claim: ClaimedSubmission, decision: Decision) => void settled.push({ claim, decision }),
});

/** Sets product time here and at the marketplace. */
async function setTime(now: Micros): Promise<void> {
  clock.set(now);
  await sandbox.setClock({ start: new Date(now / 1_000).toISOString(), rate: 0 });
}

/** Usage of an hour, as the aggregator would have left it. */
async function used(instance: string, quantity: string, hour = H, origin = hour): Promise<void> {
  await ledger.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($3::float8), instance_no, to_timestamp($4::float8), $2::numeric, 1
     FROM instances WHERE instance_id = $1`,
    [instance, quantity, hour / 1e6, origin / 1e6],
  );
}

async function sealAndFreeze(options = deps()): Promise<void> {
  while (await sealDueHours(options));
  while (await freezeRecords(options));
}
/** Files everything that is owed; `advance` lets retries and leases expire immediately. */
async function submitAll(options = deps(), advance = true): Promise<void> {
  for (
    let calls = 0;
    (await readBacklog(ledger.pool, ledger.account.accountNo)).submissions > 0;
    calls += 1
  ) {
    if (calls > 200) throw new Error("submissions do not end");
    if (await submitNext(options)) continue;
    if (advance) clock.advance(20 * SECOND);
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const records = () =>
  ledger.rows<{
    instance_id: string;
    quantity: string;
    state: string;
    code: string | null;
    begin_at: Micros;
    end_at: Micros;
    kind: string;
    sn: string;
  }>(
    "SELECT instance_id, quantity::text, state, code, begin_at, end_at, kind, sn FROM billing.records ORDER BY instance_id, begin_at, part",
  );
/** A request to file a record again, unchanged and in its interval. */
const wishOf = (sn: string) => ({ sn, quantity: null, interval: null, reason: "a reason", keyId: "k" });
const refusals = async () =>
  (await ledger.rows("SELECT refused FROM rereports ORDER BY request_id")).map(({ refused }) => refused);
const billedSum = () => sandbox.store.totals("instance");

describe("keys of products", () => {
  test("a product's key signs its records, not the account's", async () => {
    await withKeys({ own: KEY, account: "wrong" });
    expect(await states()).toEqual({ own: "accepted", product: "frozen" });
    expect((await ledger.rows("SELECT halted_code FROM accounts"))[0]).toEqual({ halted_code: "MKT.0102" });
  });

  test("a product's key that is refused stops nothing but that product", async () => {
    await withKeys({ own: "wrong", account: KEY });
    expect(await states()).toEqual({ own: "frozen", product: "accepted" });
    expect((await ledger.rows("SELECT halted_code FROM accounts"))[0]).toEqual({ halted_code: null });
  });

  const states = async () => {
    const found = await ledger.rows<{ product: string; state: string }>(
      "SELECT DISTINCT product, state FROM billing.records",
    );
    return Object.fromEntries(found.map(({ product, state }) => [product, state]));
  };

  async function withKeys({ own, account }: { own: string; account: string }): Promise<void> {
    const ring = { account: [account], products: new Map([["own", [own]]]) };
    const mine = openMarketplace({
      ...{ baseUrl: sandbox.url, key: () => ring },
      ...{ now: () => Date.now() },
    });
    const options = { ...deps(), profile: mine, client: mine };
    const instances = ["i-1", "i-2", "i-3", "i-4"];
    for (const id of instances) await ledger.instance(id, "tokens", `customer-${id}`);
    await ledger.rows("UPDATE instances SET shard = 0, product = 'own' WHERE instance_id IN ('i-1', 'i-3')");
    await ledger.rows("UPDATE instances SET shard = 0");
    for (const id of instances) await used(id, "2");
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze(options);
    for (let calls = 0; calls < 6; calls += 1) await submitNext(options);
    // One call that was cut by keys, without sending a byte, and one for each key: records are grouped by product.
    expect(settled.filter(({ decision }) => decision.state === "split")).toHaveLength(1);
    expect(settled[0]!.decision).toMatchObject({ code: "SEVERAL_KEYS", pieces: [2, 2] });
    await mine.close();
  }
});

describe("an hour", () => {
  test("is sealed after the grace, frozen, filed, accepted and billed with its exact total", async () => {
    await ledger.instance("i-1", "tokens", "customer-1");
    await used("i-1", "15710990.1234");
    await setTime(H + HOUR + 2 * MINUTE - 1);
    expect(await sealDueHours(deps())).toBe(false);
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze();
    await submitAll();
    expect(await records()).toMatchObject([
      { quantity: "15710990.1234", state: "accepted", begin_at: H, end_at: H + HOUR },
    ]);
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([{ state: "billed" }]);
    expect(await ledger.rows("SELECT * FROM outcomes")).toEqual([]);
    expect(sandbox.store.records()).toMatchObject([{ usage_value: "15710990.1234", state: "billed" }]);
  });

  test("waits for a collector that has not confirmed, at most until minute 8, then is incomplete", async () => {
    await ledger.rows(
      "INSERT INTO collectors (name, watermark, beat_at) VALUES ('c', to_timestamp($1::float8), now())",
      [H / 1e6],
    );
    await setTime(H + HOUR + 8 * MINUTE - 1);
    expect(await sealDueHours(deps())).toBe(false);
    await setTime(H + HOUR + 8 * MINUTE);
    await sealAndFreeze();
    expect(await ledger.rows("SELECT DISTINCT status, reason FROM hours")).toEqual([
      { status: "incomplete", reason: "a collector has not confirmed all it acknowledged" },
    ]);
  });

  test("without usage is filed as nothing; an expected source that was not heard makes it incomplete", async () => {
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze();
    expect(await ledger.rows("SELECT DISTINCT status FROM hours")).toEqual([{ status: "nothing" }]);
    expect(await records()).toEqual([]);
    await ledger.rows("INSERT INTO sources (source) VALUES ('s')");
    await ledger.rows("INSERT INTO expected_sources SELECT source_no, '', to_timestamp(0) FROM sources");
    await setTime(H + 2 * HOUR + 8 * MINUTE);
    await sealAndFreeze();
    expect(await ledger.rows("SELECT DISTINCT reason FROM hours WHERE status = 'incomplete'")).toEqual([
      { reason: "not heard: s" },
    ]);
  });

  test("keeps the residue below the marketplace's last decimal for the next one", async () => {
    await ledger.instance("i-1", "tokens", "customer-1");
    await used("i-1", "0.00006");
    await used("i-1", "0.00006", H + HOUR);
    await used("i-1", "1", H + 2 * HOUR);
    await setTime(H + 3 * HOUR + 2 * MINUTE);
    await sealAndFreeze();
    expect((await records()).map(({ quantity }) => quantity)).toEqual(["0.0001", "1.0000"]);
    expect(await ledger.rows("SELECT residue::text FROM residues ORDER BY hour")).toEqual([
      { residue: "0.00006" },
      { residue: "0.00002" },
    ]);
  });

  test("of a life that ended stays inside it; what comes later goes out as a supplement", async () => {
    await ledger.instance("i-1", "tokens", "customer-1", {
      opened: H + 10 * MINUTE,
      closed: H + 40 * MINUTE,
    });
    await used("i-1", "1");
    await used("i-1", "2", H + HOUR, H);
    await used("i-1", "4", H + 2 * HOUR, H);
    await setTime(H + 3 * HOUR + 2 * MINUTE);
    await sealAndFreeze();
    await submitAll();
    const filed = await records();
    expect(filed.map(({ kind, quantity }) => [kind, quantity])).toEqual([
      ["usage", "1.0000"],
      ["supplement", "4.0000"],
      ["supplement", "2.0000"],
    ]);
    filed.reduce(
      (before, { begin_at, end_at }) => {
        expect(begin_at).toBeGreaterThanOrEqual(before);
        expect(end_at).toBeLessThanOrEqual(H + 40 * MINUTE);
        return end_at;
      },
      H + 10 * MINUTE,
    );
    await sandbox.settle();
    expect(sandbox.store.records().every(({ state }) => state === "normal" || state === "billed")).toBe(true);
  });

  test("above what one record may carry goes out in disjoint parts", async () => {
    await ledger.instance("i-1", "tokens", "customer-1");
    await used("i-1", "250000000.5");
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze();
    await submitAll();
    const filed = await records();
    expect(filed).toHaveLength(3);
    expect(addDecimals(...filed.map(({ quantity }) => quantity))).toBe("250000000.5");
    expect(filed[0]!.end_at).toBe(filed[1]!.begin_at);
  });

  test("of many instances is cut into calls; several reporters file each record once", async () => {
    for (let n = 0; n < 60; n += 1) {
      await ledger.instance(`i-${n}`, "tokens", `customer-${n}`);
      await used(`i-${n}`, String(n + 1));
    }
    await setTime(H + HOUR + 2 * MINUTE);
    const several = Array.from({ length: 4 }, () => deps(5));
    await Promise.all(several.map((one) => sealAndFreeze(one)));
    await Promise.all(several.map((one) => submitAll(one, false)));
    await sandbox.settle();
    expect(await records()).toHaveLength(60);
    expect(sandbox.store.records()).toHaveLength(60);
    expect((await records()).every(({ state }) => state === "accepted")).toBe(true);
    const chain = await ledger.rows<{ shard: number; seq: number; prev: string; checksum: string }>(
      "SELECT shard, seq, prev, checksum FROM records ORDER BY shard, seq",
    );
    for (const [at, { shard, seq, prev }] of chain.entries()) {
      const before = chain[at - 1]?.shard === shard ? chain[at - 1] : undefined;
      expect([seq, prev]).toEqual(before ? [before.seq + 1, before.checksum] : [1, "0".repeat(64)]);
    }
  });
});

describe("what the marketplace may do", () => {
  const oneRecord = async () => {
    await ledger.instance("i-1", "tokens", "customer-1");
    await used("i-1", "42");
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze();
  };

  test.each([
    "accept_then_5xx",
    "accept_then_timeout",
    "error5xx",
    "garbage",
    "unknown_code",
    "down",
    "throttled",
  ] as const)("%s: the same bytes go out again and nothing is billed twice", async (mode) => {
    await oneRecord();
    sandbox.setFaults([{ mode, times: 2 }]);
    await submitAll();
    await sandbox.settle();
    expect(settled.length).toBeGreaterThan(1);
    expect(await records()).toMatchObject([{ state: "accepted" }]);
    expect(billedSum().totals).toMatchObject([{ usage: "42", records: 1 }]);
    const bodies = await ledger.rows<{ body_sha256: string }>(
      "SELECT DISTINCT body_sha256 FROM attempts WHERE body_sha256 IS NOT NULL",
    );
    expect(bodies).toHaveLength(1);
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([{ state: "billed" }]);
    expect(await ledger.rows("SELECT * FROM findings")).toEqual([]);
  });

  test("a poison record is isolated by cutting its call; the others are accepted", async () => {
    for (let n = 0; n < 12; n += 1) {
      await ledger.instance(`i-${n}`, "tokens", `customer-${n}`);
      await used(`i-${n}`, "1");
    }
    await sandbox.close();
    sandbox = await createSandbox({ key: KEY, port: sandbox.port, instances: "known", validationDelayMs: 0 });
    for (let n = 0; n < 12; n += 1) {
      if (n !== 7)
        await sandbox.setInstance(`i-${n}`, { product: "product", opened: "2026-01-01T00:00:00Z" });
    }
    await setTime(H + HOUR + 2 * MINUTE);
    await sealAndFreeze();
    await submitAll();
    const filed = await records();
    expect(filed.filter(({ state }) => state === "accepted")).toHaveLength(11);
    expect(filed.find(({ instance_id }) => instance_id === "i-7")).toMatchObject({
      state: expect.stringMatching(/^rejected/),
      code: "MKT.9001",
    });
  });

  test("a wrong key stops sending and halts the account", async () => {
    await oneRecord();
    await market.close();
    market = openMarketplace({
      baseUrl: sandbox.url,
      key: "wrong",
    });
    expect(await submitNext(deps())).toBe(true);
    expect(await submitNext(deps())).toBe(false);
    expect(await records()).toMatchObject([{ state: "frozen", code: "MKT.0102" }]);
    expect(await ledger.rows("SELECT halted_code FROM accounts")).toEqual([{ halted_code: "MKT.0102" }]);
  });

  test("an abnormal record is found by the statement and re-reported in its interval", async () => {
    await oneRecord();
    sandbox.setFaults([{ mode: "abnormal", times: 1, code: "003" }]);
    await submitAll();
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    const [abnormal] = await records();
    expect(abnormal).toMatchObject({ state: "abnormal", code: "003" });
    expect(await ledger.rows("SELECT kind FROM billing.differences WHERE resolved_at IS NULL")).toEqual([
      { kind: "abnormal" },
    ]);

    await requestRereport(
      ledger.pool,
      ledger.account.accountNo,
      { ...wishOf(abnormal!.sn), quantity: "41" },
      clock.now(),
    );
    expect(await carryOutRereport(deps())).toBe(true);
    await submitAll();
    await setTime(H + 2 * HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    const [first, second] = await records();
    expect([first, second]).toMatchObject([
      { state: "replaced" },
      {
        state: "billed",
        quantity: "41.0000",
        kind: "rereport",
        begin_at: first!.begin_at,
        end_at: first!.end_at,
      },
    ]);
    expect(await ledger.rows("SELECT * FROM billing.differences WHERE resolved_at IS NULL")).toEqual([]);
  });

  test("in another interval goes out what the marketplace showed to be void, and is proven by both verifiers", async () => {
    await ledger.instance("i-1", "tokens", "customer-1", { opened: H + 10 * MINUTE });
    await used("i-1", "42");
    await setTime(H + HOUR + 3 * MINUTE);
    await sealAndFreeze();
    sandbox.setFaults([{ mode: "abnormal", times: 1, code: "011" }]);
    await submitAll();
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    const [abnormal] = await records();
    expect(abnormal).toMatchObject({ state: "abnormal", code: "011" });
    const ask = async (begin: Micros, end: Micros) => {
      await requestRereport(
        ledger.pool,
        ledger.account.accountNo,
        { ...wishOf(abnormal!.sn), interval: { begin, end } },
        clock.now(),
      );
      await carryOutRereport(deps());
    };
    await ask(H + 9 * MINUTE, H + 20 * MINUTE);
    await ask(H + HOUR, H + HOUR + 20 * MINUTE);
    await ask(H + 50 * MINUTE, H + HOUR + SECOND);
    expect(await refusals()).toEqual([
      "a record must lie inside its instance's life",
      "a record must end before it is filed",
      "a record must lie inside one hour",
    ]);
    await ask(H + 20 * MINUTE, H + 40 * MINUTE);
    await submitAll();
    await setTime(H + 2 * HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([
      { state: "replaced" },
      {
        state: "billed",
        kind: "rereport",
        begin_at: H + 20 * MINUTE,
        end_at: H + 40 * MINUTE,
        quantity: "42.0000",
      },
    ]);
  });

  test("what may be billed as it is, or stands behind another record, keeps its interval", async () => {
    await oneRecord();
    sandbox.setFaults([{ mode: "abnormal", times: 1, code: "010" }]);
    await submitAll();
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    const [second] = await records();
    expect(second).toMatchObject({ state: "abnormal", code: "010" });
    const interval = { begin: H, end: H + 20 * MINUTE };
    await requestRereport(
      ledger.pool,
      ledger.account.accountNo,
      { ...wishOf(second!.sn), interval },
      clock.now(),
    );
    await carryOutRereport(deps());
    expect(await refusals()).toEqual([
      "in another interval only what the marketplace showed to be void is filed: this might bill it twice",
    ]);
    await requestRereport(ledger.pool, ledger.account.accountNo, wishOf(second!.sn), clock.now());
    await carryOutRereport(deps());
    expect(await records()).toMatchObject([{ state: "replaced" }, { begin_at: H, end_at: H + HOUR }]);
  });

  test("a billed record is not filed again, whoever asks", async () => {
    await oneRecord();
    await submitAll();
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    const [record] = await records();
    await requestRereport(
      ledger.pool,
      ledger.account.accountNo,
      { ...wishOf(record!.sn), quantity: null },
      clock.now(),
    );
    await carryOutRereport(deps());
    expect(await records()).toHaveLength(1);
    expect(await ledger.rows("SELECT refused FROM rereports")).toEqual([
      { refused: "a record that is billed is not filed again" },
    ]);
  });

  test("a record refused after a call of unknown outcome is not filed again before a statement shows it is not there", async () => {
    await oneRecord();
    sandbox.setFaults([
      { mode: "accept_then_5xx", times: 1 },
      { mode: "unknown_code", times: 1, code: "MKT.0150", status: 401 },
    ]);
    await submitAll();
    const [refused] = await records();
    expect(refused).toMatchObject({ state: "rejected_final", code: "MKT.0150" });
    const wish = { ...wishOf(refused!.sn), quantity: null };
    await requestRereport(ledger.pool, ledger.account.accountNo, wish, clock.now());
    await carryOutRereport(deps());
    expect(await records()).toHaveLength(1);
    expect(await ledger.rows("SELECT refused FROM rereports")).toEqual([
      { refused: "a call with it may have been accepted: a statement must first show that it was not" },
    ]);
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([{ state: "billed" }]);
  });

  test("a record that no call can have brought in is filed again at once", async () => {
    await oneRecord();
    sandbox.setFaults([{ mode: "unknown_code", times: 1, code: "MKT.0150", status: 401 }]);
    await submitAll();
    const [refused] = await records();
    await requestRereport(
      ledger.pool,
      ledger.account.accountNo,
      { ...wishOf(refused!.sn), quantity: "41" },
      clock.now(),
    );
    await carryOutRereport(deps());
    await submitAll();
    expect(await records()).toMatchObject([
      { state: "replaced" },
      { state: "accepted", quantity: "41.0000" },
    ]);
  });

  test("what the marketplace forgot is found and sent again as it was", async () => {
    await oneRecord();
    sandbox.setFaults([{ mode: "forget", times: 1 }]);
    await submitAll();
    expect(sandbox.store.records()).toEqual([]);
    await setTime(H + HOUR + 16 * MINUTE);
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([{ state: "missing" }]);
    await submitAll();
    await setTime(H + 2 * HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await records()).toMatchObject([{ state: "billed" }]);
    expect(sandbox.store.records()).toHaveLength(1);
    expect(await ledger.rows("SELECT * FROM findings WHERE resolved_at IS NULL")).toEqual([]);
  });

  test("what the marketplace invented is a difference", async () => {
    await oneRecord();
    sandbox.setFaults([{ mode: "invent", times: 1 }]);
    await submitAll();
    await setTime(H + HOUR + 16 * MINUTE);
    await sandbox.settle();
    await reconcileAccepted(deps());
    expect(await ledger.rows("SELECT kind, ours FROM billing.differences")).toEqual([
      { kind: "extra", ours: null },
    ]);
  });

  test("one that is away is called seldom, and gets all that waits, oldest first, within seconds of its return", async () => {
    await ledger.instance("i-1", "tokens", "customer-1");
    const hours = Array.from({ length: 12 }, (_, at) => H + at * HOUR);
    for (const hour of hours) await used("i-1", "1", hour);
    await setTime(H + 12 * HOUR + 10 * MINUTE);
    await sealAndFreeze();
    const options = deps();
    sandbox.setFaults([{ mode: "down" }]);
    const away = 3 * MINUTE;
    for (const until = clock.real() + away; clock.real() < until; clock.advance(SECOND / 2))
      await submitNext(options);
    const [{ calls }] = (await ledger.rows<{ calls: number }>(
      "SELECT count(*)::integer AS calls FROM attempts",
    )) as [{ calls: number }];
    // One every 3 s; without the breaker each submission would be tried at its own pace.
    expect(calls).toBeLessThan(away / (3 * SECOND) + 20);
    sandbox.setFaults([]);
    const from = clock.real();
    while ((await readBacklog(ledger.pool, ledger.account.accountNo)).submissions > 0) {
      if (!(await submitNext(options))) clock.advance(SECOND / 10);
      expect(clock.real() - from).toBeLessThan(10 * SECOND);
    }
    const began = sandbox.store.records().map(({ begin_time }) => begin_time);
    expect(began).toEqual([...began].sort());
    expect(began).toHaveLength(12);
  });

  test("records past their limit expire and are never sent", async () => {
    await oneRecord();
    await setTime(H + 22 * 24 * HOUR);
    expect(await submitNext(deps())).toBe(false);
    expect(await records()).toMatchObject([{ state: "expired" }]);
    expect(sandbox.store.calls()).toEqual([]);
  });
});
