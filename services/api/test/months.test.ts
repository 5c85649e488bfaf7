import { parseInstant } from "@quarterpast/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, startApi, type TestApi } from "./kit.js";

let api: TestApi;
let sn: string;
beforeAll(async () => {
  api = await startApi();
  // The first hour of April in Beijing.
  const hour = parseInstant("2026-03-31T16:00:00Z")!;
  sn = (await addRecord(api, { instanceId: "edge", hour })).sn;
});
afterAll(() => api.end());

describe("a month is that of the account's marketplace", () => {
  it("in the stack's answer", async () => {
    expect((await api.get("/v1/accounts")).json.items).toMatchObject([{ dayOffsetMinutes: 480 }]);
  });

  it("in exports", async () => {
    const exported = (month: string) => api.get(`/v1/exports/records?month=${month}&format=ndjson`);
    expect((await exported("2026-04")).json).toMatchObject({ sn, begin: "2026-03-31T16:00:00Z" });
    expect((await exported("2026-03")).json).toBeUndefined();
  });

  it("in sums, whether a price is known or not", async () => {
    const days = (month: string) => api.get(`/v1/summary/days?month=${month}`);
    expect((await days("2026-04")).json.items).toMatchObject([{ day: "2026-04-01", records: 1 }]);
    expect((await days("2026-03")).json.items).toEqual([]);
    const revenue = (month: string) => api.get(`/v1/revenue?month=${month}&by=record`);
    expect((await revenue("2026-04")).json.items).toMatchObject([{ key: sn, unpriced: 1 }]);
    expect((await revenue("2026-03")).json.items).toEqual([]);
  });

  it.each([
    ["nothing", ""],
    ["a month and a span", "month=2026-04&from=2026-04-01T00:00:00Z&to=2026-04-02T00:00:00Z"],
    ["half a span", "from=2026-04-01T00:00:00Z"],
    ["an empty span", "from=2026-04-01T00:00:00Z&to=2026-04-01T00:00:00Z"],
  ])("or a span of hours; %s is refused with what to give", async (_name, query) => {
    for (const path of ["/v1/summary", "/v1/rebuild", "/v1/manifests"]) {
      const { status, json } = await api.get(`${path}?${query}`);
      expect({ status, code: json.code }).toEqual({ status: 400, code: "field_invalid" });
      expect(json.detail).toContain("month 2026-03");
    }
  });
});
