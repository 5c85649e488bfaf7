import { API } from "@quarterpast/contract";
import { HOUR } from "@quarterpast/domain";
import { keepCases } from "@quarterpast/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRecord, clock, startApi, tokenOf, type TestApi } from "./kit.js";

const OTHER = "koogallery-intl";
let api: TestApi;
beforeEach(async () => {
  api = await startApi({ more: [OTHER] });
});
afterEach(() => api.end());

/** Limits the key of a role to accounts. */
async function limitKey(role: "finance", codes: string[]): Promise<void> {
  const keyId = tokenOf(role).split("_")[1];
  await api.pool.query("UPDATE api_keys SET accounts = $2 WHERE key_id = $1", [keyId, codes]);
  // The api knows keys as they were a second ago.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
}

/** Reads a list to its end. */
async function pages(path: string, limit: number, asking = {}): Promise<{ items: any[]; pages: number }> {
  const items = [];
  let cursor: string | null = "";
  for (let n = 0; ; n += 1) {
    const next: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const { status, json } = await api.get(`${path}?limit=${limit}${next}`, asking);
    expect(status).toBe(200);
    items.push(...json.items);
    cursor = json.next;
    if (cursor === null) return { items, pages: n + 1 };
  }
}

describe("of several accounts", () => {
  test("a list shows all that the key may see, each item with its account, in one order, page by page", async () => {
    const [mine, theirs] = [api.account.code, OTHER];
    const ids = [
      ...[
        ["a", theirs],
        ["b", mine],
        ["b", theirs],
        ["c", mine],
        ["d", theirs],
        ["e", theirs],
      ],
      ...[
        ["f", mine],
        ["f", theirs],
        ["g", mine],
      ],
    ] as const;
    for (const [instanceId, account] of ids)
      await addRecord(api, { instanceId: instanceId!, account: account! });
    const whole = ids.map((one) => one.join(" "));
    const told = (items: { instanceId: string; account: string }[]) =>
      items.map(({ instanceId, account }) => `${instanceId} ${account}`);
    for (const limit of [1, 2, 3, 100]) {
      const instances = await pages("/v1/instances", limit);
      // Of two with one id, the first account's comes first.
      expect(told(instances.items)).toEqual(whole);
      expect(instances.pages).toBe(Math.ceil(ids.length / limit));
      const { items } = await pages("/v1/records", limit);
      expect(told(items).toSorted()).toEqual(whole.toSorted());
      expect(items.map(({ sn }) => sn)).toEqual(items.map(({ sn }) => sn).toSorted());
    }
    await limitKey("finance", [OTHER]);
    const own = await pages("/v1/instances", 1, { as: "finance" });
    expect(told(own.items)).toEqual(whole.filter((one) => one.endsWith(OTHER)));
  });

  test("hours, totals and exports are those of all, by account", async () => {
    const { begin } = await addRecord(api, { instanceId: "i-1" });
    await addRecord(api, { instanceId: "i-2", account: OTHER });
    await api.pool.query(
      `INSERT INTO hours (hour, shard, status, sealed_at) SELECT $1::timestamptz, shard, 'complete', $1::timestamptz
       FROM generate_series(0, 7) AS shard`,
      [begin],
    );
    const both = [api.account.code, OTHER];
    const { items } = (await api.get("/v1/hours?limit=1")).json;
    expect(items.map(accountOf)).toEqual(both);
    const month = items[0].hour.slice(0, 7);
    const days = (await api.get(`/v1/summary/days?month=${month}`)).json.items;
    expect(days.map(accountOf)).toEqual(both);
    const file = await fetch(`${api.url}/v1/exports/records?month=${month}&format=ndjson`, {
      headers: { authorization: `Bearer ${tokenOf("operator")}` },
    });
    const rows = (await file.text()).trim().split("\n");
    expect(rows.map((row) => accountOf(JSON.parse(row)))).toEqual(both);
  });

  test("doctor looks at each that the key may see, and names it", async () => {
    await api.pool.query("UPDATE accounts SET halted_code = 'MKT.0102' WHERE code = $1", [OTHER]);
    await api.pool.query(
      `INSERT INTO quarantine (source_no, key, account, reason, subject, meter, quarantined_at)
       SELECT 1, gen_random_uuid(), code, 'unknown_instance', 'c-' || n, 'tokens', now()
       FROM unnest($1::text[]) WITH ORDINALITY AS t (code, n)`,
      [[api.account.code, OTHER]],
    );
    const checksOf = async (asking = {}) => (await api.get("/v1/doctor", asking)).json.checks;
    const told = (checks: any[], name: string) =>
      checks.filter((one) => one.name === name).map(({ account, ok }) => [account, ok]);
    const all = await checksOf();
    expect(told(all, "account")).toEqual([
      [api.account.code, true],
      [OTHER, false],
    ]);
    expect(told(all, "quarantine")).toEqual([[null, false]]);
    expect(all.find(({ name }: { name: string }) => name === "quarantine").found.en).toContain(
      "2 events wait",
    );
    await limitKey("finance", [api.account.code]);
    const own = await checksOf({ as: "finance" });
    expect(told(own, "account")).toEqual([[api.account.code, true]]);
    const { found } = own.find(({ name }: { name: string }) => name === "quarantine");
    expect([found.en, found.zh]).toEqual([
      expect.stringContaining("1 events wait (c-1"),
      expect.stringContaining("1 个事件等待中（c-1"),
    ]);
    expect(JSON.stringify(own)).not.toContain(OTHER);
  });

  test("a case of no single account is settled by people of all accounts only", async () => {
    await api.pool.query(
      `INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
       VALUES (1, gen_random_uuid(), 'ambiguous_account', 'acme', 'tokens', now())`,
    );
    expect(await keepCases(api.pool, null, clock.now() + HOUR)).toEqual({ opened: 1, settled: 0 });
    const list = async (asking = {}) => (await api.get("/v1/cases", asking)).json.items;
    const [one] = await list();
    expect(one).toMatchObject({ account: null, kind: "quarantine", ref: "ambiguous_account tokens acme" });
    const { checks } = (await api.get("/v1/doctor")).json;
    expect(checks.find(({ name }: { name: string }) => name === "seller_cases").found.en).toContain(
      "1 stand",
    );
    await limitKey("finance", [OTHER]);
    expect(await list({ as: "finance" })).toEqual([]);
    expect(await api.get(`/v1/cases/${one.id}`, { as: "finance" })).toMatchObject({ status: 404 });
    expect(await api.post(`/v1/cases/${one.id}/ask`, {})).toMatchObject({ status: 409 });
    expect((await api.post(`/v1/cases/${one.id}/assign`, { owner: "Ada" })).json).toMatchObject({
      owner: "Ada",
    });
    const off = await api.post(`/v1/cases/${one.id}/write-off`, { reason: "a test of ours" });
    expect(off.json).toMatchObject({ account: null, resolution: "written_off" });
    const rows = await api.pool.query("SELECT written_off_at IS NOT NULL AS off FROM quarantine");
    expect(rows.rows).toEqual([{ off: true }]);
  });

  test("one moves to another address of its site, and to no other site's", async () => {
    const { code } = api.account;
    const move = (address: string, asking = {}) =>
      api.post(`/v1/accounts/${code}/move`, { address, reason: "a new name" }, asking);
    expect(await move("https://gateway.example/kg")).toMatchObject({
      status: 200,
      json: { account: code, address: "gateway.example" },
    });
    expect((await api.get("/v1/accounts")).json.items[0].address).toBe("gateway.example");
    const elsewhere = await move("mkt-intl.myhuaweicloud.com");
    expect([elsewhere.status, elsewhere.json.code]).toEqual([409, "state_forbids"]);
    expect(elsewhere.json.detail).toContain("site intl of koogallery");
    expect(elsewhere.json.zh.detail).toContain("站点 intl");
    expect((await move("http://gateway.example")).json).toMatchObject({
      code: "field_invalid",
      field: "address",
    });
    expect(await move("gateway.example", { as: "finance" })).toMatchObject({ status: 403 });
    expect(await api.post("/v1/accounts/nobody/move", { address: "a.example", reason: "r" })).toMatchObject({
      status: 404,
    });
  });

  test("an act says which it is about, or is told which there are", async () => {
    await addRecord(api, { instanceId: "i-1", account: OTHER });
    const { status, json } = await api.post("/v1/instances/i-1/close", {});
    expect([status, json.code]).toEqual([400, "field_missing"]);
    expect(json.detail).toContain("koogallery-cn, koogallery-intl");
    expect(await api.get(`/v1/records?account=${api.account.code}`)).toMatchObject({
      status: 200,
      json: { items: [] },
    });
    expect(await api.get("/v1/records?account=nobody")).toMatchObject({ status: 404 });
  });

  test("each shows only its own instances, records, cases and hours", async () => {
    await addRecord(api, { instanceId: "i-1", account: OTHER });
    for (const path of ["instances", "records"]) {
      expect((await api.get(`/v1/${path}?account=${OTHER}`)).json.items).toHaveLength(1);
      expect((await api.get(`/v1/${path}?account=${api.account.code}`)).json.items).toEqual([]);
    }
    const [{ sn }] = (await api.get(`/v1/records?account=${OTHER}`)).json.items;
    expect((await api.get(`/v1/records/${sn}?account=${api.account.code}`)).status).toBe(404);
    const again = { reason: "a reason" };
    expect((await api.post(`/v1/records/${sn}/rereport?account=${api.account.code}`, again)).status).toBe(
      404,
    );
  });

  test("a key limited to one sees nothing of another, and need not name its own", async () => {
    const { sn } = await addRecord(api, { instanceId: "i-1", account: OTHER });
    await limitKey("finance", [api.account.code]);
    const as = { as: "finance" } as const;
    expect((await api.get("/v1/accounts", as)).json.items.map(accountOf)).toEqual([api.account.code]);
    expect((await api.get("/v1/records", as)).json.items).toEqual([]);
    // For everything that belongs to an account, hidden looks the same as nonexistent.
    const asked = Object.values(API).filter((route) => "isOfAccount" in route && route.method === "GET");
    for (const { path } of asked) {
      const filled = path.replace(":sn", sn).replace(/:\w+/g, "1");
      const { status } = await api.get(`${filled}?account=${OTHER}`, as);
      expect([path, status >= 400]).toEqual([path, true]);
    }
  });

  test("are listed with what each owes", async () => {
    await addRecord(api, { instanceId: "i-1", account: OTHER, state: "frozen" });
    const { items } = (await api.get("/v1/accounts")).json;
    expect(items).toMatchObject([
      { account: api.account.code, marketplace: "koogallery", site: "cn", haltedCode: null, owed: 0 },
      { account: OTHER, owed: 1 },
    ]);
  });
});

const accountOf = ({ account }: { account: string }): string => account;
