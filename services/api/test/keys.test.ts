import { ensureAccount } from "@quarterpast/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNT, clock, startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await ensureAccount(
    api.pool,
    { code: "other", marketplace: "koogallery", site: "intl", dayOffset: 0 },
    clock.now(),
  );
});
afterAll(() => api.end());

const make = (body: object) => api.post("/v1/keys", { name: "k", ...body });

describe("keys", () => {
  it("limit what sends to sources and any other to accounts, and nothing else", async () => {
    const sender = await make({ role: "ingest", sources: ["gateway", "shop/*"] });
    expect(sender).toMatchObject({
      status: 201,
      json: { role: "ingest", sources: ["gateway", "shop/*"], accounts: null },
    });
    const reader = await make({ role: "finance", accounts: ["other"] });
    expect(reader.json).toMatchObject({ sources: null, accounts: ["other"] });
    const { items } = (await api.get("/v1/keys")).json;
    expect(items).toContainEqual(expect.objectContaining({ id: reader.json.id, accounts: ["other"] }));
    for (const [body, field] of [
      [{ role: "finance", sources: ["gateway"] }, "sources"],
      [{ role: "ingest", accounts: [ACCOUNT] }, "accounts"],
      [{ role: "ingest", sources: [] }, "sources"],
      [{ role: "auditor", accounts: [ACCOUNT, "nobody"] }, "accounts"],
    ] as const)
      expect((await make(body)).json).toMatchObject({ status: 400, code: "field_invalid", field });
    // A key of another account has no access to this one.
    expect((await api.get("/v1/records", { token: reader.json.token })).status).toBe(403);
  });

  it("that are limited to an account act on nothing that is the seller's", async () => {
    const { token } = (await make({ role: "operator", accounts: [ACCOUNT] })).json;
    await api.post("/v1/meters", { code: "tokens", aggregation: "sum" });
    const assign = { account: ACCOUNT, subject: "customer-1" };
    for (const [method, path, body] of [
      ["POST", "/v1/keys", { name: "x", role: "ingest" }],
      ["DELETE", "/v1/keys/ingest00", undefined],
      ["POST", "/v1/meters/tokens/scale", { scale: 9 }],
      ["GET", "/v1/sources", undefined],
      ["POST", "/v1/sources", { source: "gateway" }],
      ["POST", "/v1/quarantine/assign", assign],
      ["GET", "/v1/quarantine/rules", undefined],
      ["DELETE", "/v1/quarantine/rules/1", undefined],
    ] as const) {
      const answer = await api.ask(method, path, { token, ...(body && { body }) });
      expect({ path, status: answer.status }).toEqual({ path, status: 403 });
    }
    const { items } = (await api.get("/v1/keys", { token })).json;
    expect(items.map(({ accounts }: { accounts: unknown }) => accounts)).toEqual([[ACCOUNT]]);
    expect((await api.get("/v1/instances", { token })).status).toBe(200);
  });
});

describe("events that wait for an account", () => {
  const wait = (reason: string, subject: string, account: string | null = null) =>
    api.pool.query(
      `WITH s AS (INSERT INTO sources (source) VALUES ('gw') ON CONFLICT (source) DO UPDATE SET source = excluded.source RETURNING *),
         e AS (INSERT INTO events (source_no, key, timed, occurred, quantity)
           SELECT source_no, gen_random_uuid(), false, now(), 1 FROM s RETURNING *)
       INSERT INTO quarantine (source_no, key, account, reason, subject, meter, quarantined_at)
       SELECT source_no, key, $3, $1, $2, 'tokens', now() FROM e`,
      [reason, subject, account],
    );

  it("are assigned once or by a rule, which is listed and removed, and the audit has each", async () => {
    await wait("ambiguous_account", "acme");
    await wait("unknown_instance", "zeta", "other");
    expect((await api.get("/v1/quarantine", { as: "finance" })).json.items).toMatchObject([
      { subject: "acme", account: null, advice: { en: expect.stringContaining("quarantine assign") } },
      { subject: "zeta", account: "other" },
    ]);
    const assign = (body: object) => api.post("/v1/quarantine/assign", body);
    expect((await assign({ account: "nobody", subject: "acme" })).json).toMatchObject({
      code: "field_invalid",
      field: "account",
      detail: expect.stringContaining(`${ACCOUNT}, other`),
    });
    for (const body of [{}, { source: "gw", subject: "acme" }])
      expect((await assign({ account: "other", always: true, ...body })).json).toMatchObject({
        field: "always",
      });
    expect((await assign({ account: "other", subject: "acme", always: true })).json).toMatchObject({
      account: "other",
      events: 1,
      rule: { subject: "acme", source: null, account: "other" },
    });
    const rules = (await api.get("/v1/quarantine/rules")).json.items;
    expect(rules).toMatchObject([{ subject: "acme", account: "other" }]);
    expect((await api.ask("DELETE", `/v1/quarantine/rules/${rules[0].rule}`)).status).toBe(204);
    expect((await api.ask("DELETE", `/v1/quarantine/rules/${rules[0].rule}`)).status).toBe(404);
    const acts = (await api.get(`/v1/audit?ref=${encodeURIComponent("subject acme")}`)).json.items;
    expect(acts.map(({ act }: { act: string }) => act)).toEqual([
      "account_rules.remove",
      "quarantine.assign",
      "account_rules.set",
    ]);
  });

  it("of another account, or of none, are hidden from a key that is limited to this one", async () => {
    await wait("ambiguous_account", "beta");
    await wait("unknown_instance", "mine", ACCOUNT);
    const { token } = (await make({ role: "operator", accounts: [ACCOUNT] })).json;
    const { items } = (await api.get("/v1/quarantine", { token })).json;
    expect(items.map(({ subject }: { subject: string }) => subject)).toEqual(["mine"]);
    const group = { reason: "ambiguous_account", meter: "tokens", subject: "beta", note: "x" };
    expect((await api.post("/v1/quarantine/write-off", group, { token })).status).toBe(404);
    const mine = { ...group, reason: "unknown_instance", subject: "mine", account: ACCOUNT };
    expect((await api.post("/v1/quarantine/write-off", mine, { token })).json).toMatchObject({ events: 1 });
  });
});
