import { HOUR, MINUTE, shardOf } from "@quarterpast/domain";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { ensureAccount, haltAccount, listAccounts } from "../src/catalog/accounts.js";
import { beatClock, readClock, setClock } from "../src/db/clock.js";
import {
  addInstance,
  closeInstance,
  findBindings,
  listInstances,
  type NewInstance,
} from "../src/catalog/instances.js";
import { createKey, hashToken, listKeys, liveKeys, revokeKey } from "../src/catalog/apiKeys.js";
import { ensureMeter, listMeters } from "../src/catalog/meters.js";
import { ensureSources, expectSource, listSources, silentSources } from "../src/usage/sources.js";
import { insertReceipt } from "../src/usage/collectors.js";

let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

describe("the clock row", () => {
  test("is one, and what was given out of it never goes back", async () => {
    expect(await readClock(ledger.pool)).toBeUndefined();
    await setClock(ledger.pool, { realAnchor: H, productAnchor: H, rate: 120 });
    await beatClock(ledger.pool, H + 2 * HOUR);
    await beatClock(ledger.pool, H + HOUR);
    const earlier = { realAnchor: H + MINUTE, productAnchor: H + HOUR, rate: 0.5 };
    await expect(setClock(ledger.pool, earlier)).rejects.toThrow(/is before what product time has reached/);
    await setClock(ledger.pool, { ...earlier, productAnchor: H + 2 * HOUR });
    expect(await readClock(ledger.pool)).toMatchObject({
      realAnchor: H + MINUTE,
      rate: 0.5,
      beatProduct: H + 2 * HOUR,
    });
    expect(await ledger.rows("SELECT 1 FROM clock")).toHaveLength(1);
  });

  test("returns the database's own real time beside it", async () => {
    await setClock(ledger.pool, { realAnchor: H, productAnchor: H, rate: 1 });
    const { serverNow } = (await readClock(ledger.pool))!;
    expect(Math.abs(serverNow / 1000 - Date.now())).toBeLessThan(5_000);
  });
});

describe("accounts and meters", () => {
  test("keep what they were made with", async () => {
    const again = await ensureAccount(
      ledger.pool,
      { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
      H,
    );
    expect(again).toEqual(ledger.account);
    const meter = { code: "tokens", aggregation: "max", unit: "u", scale: 0 } as const;
    expect(await ensureMeter(ledger.pool, meter, H)).toMatchObject({
      created: false,
      meter: { aggregation: "sum" },
    });
    expect(await listMeters(ledger.pool)).toHaveLength(1);
  });

  test("an account is halted with its code and resumed", async () => {
    await haltAccount(ledger.pool, ledger.account.accountNo, "MKT.0102", H);
    expect(await listAccounts(ledger.pool)).toMatchObject([{ haltedCode: "MKT.0102" }]);
    await haltAccount(ledger.pool, ledger.account.accountNo, null, H);
    expect(await listAccounts(ledger.pool)).toMatchObject([{ haltedCode: null }]);
  });
});

describe("keys", () => {
  const token = (keyId: string): string => `qp_${keyId}_${randomBytes(16).toString("hex")}`;

  test("open until they are revoked; only their hash is kept", async () => {
    const secret = token("aaaaaaaa");
    await createKey(ledger.pool, { keyId: "aaaaaaaa", name: "shop", role: "ingest", token: secret }, H);
    const [live] = await liveKeys(ledger.pool);
    expect(live).toMatchObject({ keyId: "aaaaaaaa", role: "ingest" });
    expect(live!.secretSha256.equals(hashToken(secret))).toBe(true);
    expect(live!.secretSha256.equals(hashToken(`${secret} `))).toBe(false);
    expect(JSON.stringify(await ledger.rows("SELECT * FROM api_keys"))).not.toContain(secret.slice(12));

    expect(await revokeKey(ledger.pool, "aaaaaaaa", H + HOUR)).toBe(true);
    expect(await revokeKey(ledger.pool, "aaaaaaaa", H + 2 * HOUR)).toBe(false);
    expect(await revokeKey(ledger.pool, "bbbbbbbb", H)).toBe(false);
    expect(await liveKeys(ledger.pool)).toEqual([]);
    expect(await listKeys(ledger.pool)).toMatchObject([{ keyId: "aaaaaaaa", revokedAt: H + HOUR }]);
  });

  test("an unknown role is refused by the table itself", async () => {
    const key = {
      keyId: "cccccccc",
      name: "x",
      role: "root",
      token: "t",
    };
    await expect(createKey(ledger.pool, key as never, H)).rejects.toThrow(/key_role_check/);
  });
});

describe("lives of instances", () => {
  const instance = (change: Partial<NewInstance> = {}): NewInstance => ({
    accountNo: ledger.account.accountNo,
    instanceId: "i-1",
    product: "llm",
    meter: "tokens",
    subject: "customer-1",
    opened: H,
    ...change,
  });
  const add = (change: Partial<NewInstance> = {}) => addInstance(ledger.pool, instance(change), H);

  test("the same instance again is unchanged, another under its id is refused", async () => {
    const created = await add();
    expect(created).toMatchObject({
      outcome: "created",
      instance: { shard: shardOf("i-1"), cycle: "hourly", closed: null },
    });
    expect(await add()).toMatchObject({ outcome: "unchanged" });
    expect(await add({ product: "other" })).toMatchObject({
      outcome: "exists_otherwise",
      instance: { product: "llm" },
    });
    expect(await add({ cycle: "daily" })).toMatchObject({ outcome: "exists_otherwise" });
    expect(await add({ instanceId: "i-2", meter: "nope" })).toEqual({ outcome: "unknown_meter" });
  });

  test("do not overlap for one account, subject and meter; the one in the way is named", async () => {
    await add();
    const other = { code: "other", marketplace: "koogallery", site: "intl", dayOffset: 0 };
    const { accountNo } = await ensureAccount(ledger.pool, other, H);
    expect(await add({ accountNo })).toMatchObject({ outcome: "created" });
    expect(await add({ accountNo, instanceId: "i-9" })).toMatchObject({ outcome: "overlaps" });
    expect(await add({ instanceId: "i-2", opened: H + HOUR })).toMatchObject({
      outcome: "overlaps",
      instance: { instanceId: "i-1" },
    });
    expect(await add({ instanceId: "i-0", opened: H - HOUR })).toMatchObject({ outcome: "overlaps" });
    expect(await add({ instanceId: "i-3", subject: "customer-2" })).toMatchObject({ outcome: "created" });
    await ledger.meter("calls", "count");
    expect(await add({ instanceId: "i-4", meter: "calls" })).toMatchObject({ outcome: "created" });

    await closeInstance(ledger.pool, ledger.account.accountNo, "i-1", H + HOUR);
    expect(await add({ instanceId: "i-2", opened: H + HOUR - 1_000_000 })).toMatchObject({
      outcome: "overlaps",
    });
    expect(await add({ instanceId: "i-2", opened: H + HOUR })).toMatchObject({ outcome: "created" });
  });

  test("do not overlap either where many are added at once", async () => {
    const added = await Promise.all(
      Array.from({ length: 12 }, (_, n) => add({ instanceId: `i-${n}`, opened: H + n * HOUR })),
    );
    const outcomes = added.map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual(["created", ...Array<string>(11).fill("overlaps")]);
    expect(await listInstances(ledger.pool, ledger.account.accountNo, "", 100)).toHaveLength(1);
  });

  test("end once, after they began", async () => {
    const { accountNo } = ledger.account;
    await add();
    expect(await closeInstance(ledger.pool, accountNo, "i-1", H)).toMatchObject({ closed: null });
    expect(await closeInstance(ledger.pool, accountNo, "i-1", H + HOUR)).toMatchObject({ closed: H + HOUR });
    expect(await closeInstance(ledger.pool, accountNo, "i-1", H + 2 * HOUR)).toMatchObject({
      closed: H + HOUR,
    });
    expect(await closeInstance(ledger.pool, accountNo, "i-9", H)).toBeUndefined();
  });

  test("are listed in pages, and found by subject", async () => {
    const { accountNo } = ledger.account;
    for (const n of [3, 1, 2]) await add({ instanceId: `i-${n}`, subject: `customer-${n}` });
    const page = async (after: string): Promise<string[]> =>
      (await listInstances(ledger.pool, accountNo, after, 2)).map(({ instanceId }) => instanceId);
    expect([await page(""), await page("i-2"), await page("i-3")]).toEqual([["i-1", "i-2"], ["i-3"], []]);
    const bindings = await findBindings(ledger.pool, ["customer-1", "customer-9"]);
    expect(bindings).toMatchObject([{ subject: "customer-1", meter: "tokens", opened: H, closed: null }]);
  });
});

test("an expected source that was not heard in an hour is silent, by meter where one is named", async () => {
  await expectSource(ledger.pool, { source: "shop", meter: "", since: H });
  await expectSource(ledger.pool, { source: "llm", meter: "tokens", since: H });
  await expectSource(ledger.pool, { source: "late", meter: "", since: H + 2 * HOUR });
  expect(await silentSources(ledger.pool, H)).toEqual(["llm (tokens)", "shop"]);
  const numbers = await ensureSources(ledger.pool, ["shop", "llm"]);
  const receipt = { collectorNo: 1, seq: 1, counted: 2, duplicates: 0, conflicts: 0, quarantined: 0 };
  const heard = ["shop", "llm"].map((name) => ({ sourceNo: numbers.get(name)!, meter: "calls", hour: H }));
  await insertReceipt(ledger.pool, receipt, heard, H);
  expect(await silentSources(ledger.pool, H)).toEqual(["llm (tokens)"]);
  expect(await silentSources(ledger.pool, H + 2 * HOUR)).toEqual(["late", "llm (tokens)", "shop"]);
  expect(await listSources(ledger.pool)).toMatchObject([
    { source: "late", lastHeard: null },
    { source: "llm", expected: [{ meter: "tokens", since: H }], lastHeard: H },
    { source: "shop", lastHeard: H },
  ]);
});
