import { API } from "@quarterpast/contract";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRecord, startApi, tokenOf, type TestApi } from "./kit.js";

const OTHER = "koogallery-intl";
let api: TestApi;
beforeEach(async () => {
  api = await startApi({ more: [OTHER] });
});
afterEach(() => api.end());

/** Limits the key of a role to accounts. */
const limit = (role: "finance", codes: string[]) =>
  api.pool.query("UPDATE api_keys SET accounts = $2 WHERE key_id = $1", [tokenOf(role).split("_")[1], codes]);

describe("of several accounts", () => {
  test("a request says which it is about, or is answered with those there are", async () => {
    const { status, json } = await api.get("/v1/records");
    expect([status, json.code]).toEqual([400, "field_missing"]);
    expect(json.detail).toContain("koogallery-cn, koogallery-intl");
    expect(await api.get(`/v1/records?account=${OTHER}`)).toMatchObject({ status: 200, json: { items: [] } });
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
    await limit("finance", [api.account.code]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
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
