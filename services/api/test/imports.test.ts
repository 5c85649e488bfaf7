import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, startApi, type TestApi } from "./kit.js";
import { xlsx } from "../../../packages/marketplace/test/xlsxWriter.js";

let api: TestApi;
let record: Awaited<ReturnType<typeof addRecord>>;
beforeAll(async () => {
  api = await startApi();
  record = await addRecord(api, { instanceId: "i-1", quantity: "8.0000" });
  await api.post("/v1/prices", {
    ...{
      product: "llm",
      meter: "tokens",
      validFrom: "2026-01-01T00:00:00Z",
      model: "fixed",
      currency: "CNY",
    },
    bands: [{ upTo: null, unitPrice: "0.25" }],
  });
});
afterAll(() => api.end());

async function send(query: string, file: Buffer | string, type = "application/octet-stream") {
  const authorization = `Bearer ${(await import("./kit.js")).tokenOf("operator")}`;
  const answer = await fetch(`${api.url}/v1/imports?${query}`, {
    method: "POST",
    headers: { authorization, "content-type": type },
    body: new Uint8Array(Buffer.from(file)),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}
const row = (quantity: string) => `${record.sn},i-1,${record.begin},${record.end},${quantity},billed`;
const sdr = (quantity = "8", end = "#total,1") =>
  `Nr,实例ID,计量开始时间,计量结束时间,使用量,状态\n${row(quantity)}\n${end}`;
const MAP = encodeURIComponent(JSON.stringify({ serialNumber: "nr" }));

describe("an import", () => {
  it("is previewed without a change", async () => {
    const { status, json } = await send(`preview=true&map=${MAP}`, sdr("9"));
    expect(status).toBe(200);
    expect(json).toMatchObject({
      kind: "sdr",
      rows: 1,
      complete: true,
      missing: [],
      columns: [{ header: "Nr", cell: "A1", field: "serialNumber" }, { field: "instanceId" }, {}, {}, {}, {}],
      first: [{ serialNumber: record.sn, quantity: "9" }],
    });
    expect((await api.get("/v1/findings")).json.items).toEqual([]);
    expect((await send("preview=true", "a,b\n1,2")).json).toMatchObject({
      missing: expect.arrayContaining(["amount"]),
    });
  });

  it("finds, explains and prices a difference, by a profile that it saves", async () => {
    const first = await send(`source=x.csv&map=${MAP}&save=console`, sdr("10"));
    expect({ status: first.status, json: first.json }).toMatchObject({
      status: 201,
      json: { kind: "sdr", different: 1, billed: 0, complete: true },
    });
    const { json } = await api.get("/v1/findings", { as: "finance" });
    expect(json.items).toMatchObject([
      {
        kind: "different",
        key: record.sn,
        ours: "8",
        theirs: "10",
        atStake: "0.5",
        currency: "CNY",
        act: "ask",
      },
    ]);
    expect(json.items[0].cause.zh).toContain("用量不同");
    expect((await api.get("/v1/imports/profiles")).json.items).toMatchObject([
      { name: "console", profile: { kind: "sdr", columns: { serialNumber: "nr" } } },
    ]);
    expect((await send("profile=console", sdr())).json).toMatchObject({ different: 0 });
    expect((await api.get("/v1/findings")).json.items).toEqual([]);
    expect((await send("profile=none", sdr())).status).toBe(404);
  });

  it("takes a bill as a workbook, with its month given", async () => {
    const bill = (amount: number) =>
      xlsx([
        ["实例ID", "金额(元)"],
        ["i-1", amount],
        ["合计", amount],
      ]);
    expect((await send("", bill(2))).json).toMatchObject({ code: "field_invalid" });
    const month = new Date(Date.parse(record.begin) + 8 * 3_600_000).toISOString().slice(0, 7);
    expect((await send(`month=${month}`, bill(2))).json).toMatchObject({
      kind: "bill",
      agreed: 1,
      different: 0,
      complete: true,
    });
    expect((await send(`month=${month}`, bill(3))).json).toMatchObject({ different: 1 });
    expect((await api.get("/v1/findings")).json.items).toMatchObject([
      { kind: "different", scope: "instance", atStake: "1" },
    ]);
    expect((await api.get("/v1/findings?all=true")).json.items).toHaveLength(2);
  });

  it.each([
    ["a workbook cut short", xlsx([["a"]]).subarray(0, 300), "damaged"],
    ["an old workbook", Buffer.from("d0cf11e0", "hex"), ".xls"],
    ["a file of other columns", Buffer.from("a,b\n1,2\n"), "headers"],
    ["a map that is none", Buffer.from("a"), "headers by field", "map=x"],
  ])("of %s is refused and says why", async (_, file, told, query = "") => {
    const { status, json } = await send(query, file);
    expect({ status, detail: json.detail }).toEqual({ status: 400, detail: expect.stringContaining(told) });
  });
});
