import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await addRecord(api, { instanceId: "i-1", quantity: "8.0000" });
});
afterAll(() => api.end());

const plan = {
  product: "llm",
  meter: "tokens",
  validFrom: "2026-01-01T00:00:00+08:00",
  model: "step",
  currency: "CNY",
  bands: [
    { upTo: "3", unitPrice: 0.3 },
    { upTo: null, unitPrice: "0.20" },
  ],
};

describe("prices", () => {
  it("are added by an operator, the same again is 200", async () => {
    const added = await api.post("/v1/prices", plan);
    expect({ status: added.status, json: added.json }).toEqual({
      status: 201,
      json: {
        ...{
          ...plan,
          id: 1,
          account: "koogallery-cn",
          validFrom: "2025-12-31T16:00:00Z",
          period: "month",
          free: "0",
        },
        bands: [
          { upTo: "3", unitPrice: "0.3" },
          { upTo: null, unitPrice: "0.2" },
        ],
      },
    });
    expect((await api.post("/v1/prices", plan)).status).toBe(200);
    expect((await api.post("/v1/prices", plan, { as: "finance" })).status).toBe(403);
    expect((await api.get("/v1/prices?product=llm", { as: "finance" })).json.items).toHaveLength(1);
  });

  it.each([
    [{ ...plan, bands: [{ upTo: "3", unitPrice: "1" }] }, "the last band must have no end"],
    [{ ...plan, model: "fixed" }, "a fixed price has one band"],
    [{ ...plan, currency: "yuan" }, "currency"],
    [{ ...plan, bands: [{ upTo: null, unitPrice: "-1" }] }, "bands"],
  ])("refuses what is no plan (%#)", async (wrong, told) => {
    const { status, json } = await api.post("/v1/prices", wrong);
    expect({ status, detail: json.detail }).toEqual({ status: 400, detail: expect.stringContaining(told) });
  });

  it("make the expected revenue of a month, page by page", async () => {
    const month = new Date(Date.now() + 8 * 3_600_000 - 2 * 3_600_000).toISOString().slice(0, 7);
    const revenue = await api.get(`/v1/revenue?month=${month}&by=instance&limit=1`, { as: "finance" });
    expect(revenue.json).toEqual({
      items: [
        {
          account: "koogallery-cn",
          key: "i-1",
          unit: "unit",
          currency: "CNY",
          bill: null,
          records: 1,
          quantity: "8",
          expected: "1.9",
          billed: null,
          unpriced: 0,
        },
      ],
      next: null,
    });
    await addRecord(api, { instanceId: "i-2", quantity: "1.0000" });
    const first = await api.get(`/v1/revenue?month=${month}&by=instance&limit=1`);
    const second = await api.get(`/v1/revenue?month=${month}&by=instance&limit=1&cursor=${first.json.next}`);
    expect(second.json).toMatchObject({ items: [{ key: "i-2", expected: "0.3" }], next: null });
    expect((await api.get("/v1/revenue?month=2026-13")).status).toBe(400);
    expect((await api.get(`/v1/revenue?month=${month}&cursor=x`)).status).toBe(400);
  });
});
