import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.post("/v1/meters", { code: "tokens", aggregation: "sum" });
});
afterAll(() => api.end());

const meter = { code: "m", aggregation: "sum", unit: "token", scale: 2 };
const instance = {
  instanceId: "i",
  product: "p",
  meter: "tokens",
  subject: "s",
  opened: "2026-01-01T00:00:00Z",
};

/** Path, body, and the field that the refusal must name. */
const BODIES: [string, unknown, string][] = [
  ["/v1/meters", { ...meter, code: "" }, "code"],
  ["/v1/meters", { ...meter, code: "-x" }, "code"],
  ["/v1/meters", { ...meter, code: "x".repeat(65) }, "code"],
  ["/v1/meters", { ...meter, code: undefined }, "code"],
  ["/v1/meters", { ...meter, aggregation: "avg" }, "aggregation"],
  ["/v1/meters", { ...meter, unit: "字" }, "unit"],
  ["/v1/meters", { ...meter, unit: "x".repeat(33) }, "unit"],
  ["/v1/meters", { ...meter, scale: 13 }, "scale"],
  ["/v1/meters", { ...meter, scale: -1 }, "scale"],
  ["/v1/meters", { ...meter, scale: 1.5 }, "scale"],
  ["/v1/meters", { ...meter, scale: "2" }, "scale"],
  ["/v1/meters", { ...meter, price: 1 }, "price"],
  ["/v1/meters", [], "body"],
  ["/v1/meters", "text", "body"],
  ["/v1/instances", { ...instance, instanceId: "a b" }, "instanceId"],
  ["/v1/instances", { ...instance, instanceId: "é" }, "instanceId"],
  ["/v1/instances", { ...instance, instanceId: "x".repeat(65) }, "instanceId"],
  ["/v1/instances", { ...instance, product: "产品" }, "product"],
  ["/v1/instances", { ...instance, product: " p" }, "product"],
  ["/v1/instances", { ...instance, subject: "a\u0000b" }, "subject"],
  ["/v1/instances", { ...instance, subject: "\ud800" }, "subject"],
  ["/v1/instances", { ...instance, subject: "x".repeat(129) }, "subject"],
  ["/v1/instances", { ...instance, opened: "2026-01-01T00:00:00" }, "opened"],
  ["/v1/instances", { ...instance, opened: "2026-01-01T00:00:00.5Z" }, "opened"],
  ["/v1/instances", { ...instance, opened: "2026-02-30T00:00:00Z" }, "opened"],
  ["/v1/instances", { ...instance, opened: "9999-01-01T00:00:00Z" }, "opened"],
  ["/v1/instances", { ...instance, opened: 1767225600 }, "opened"],
  ["/v1/instances", { ...instance, cycle: "monthly" }, "cycle"],
  ["/v1/instances", { ...instance, closed: "2026-01-02T00:00:00Z" }, "closed"],
  ["/v1/instances/i/close", { closed: "soon" }, "closed"],
  ["/v1/instances/i/close", { when: "now" }, "when"],
  ["/v1/sources", { source: "" }, "source"],
  ["/v1/sources", { source: "s", meter: "a b" }, "meter"],
  ["/v1/keys", { name: "n", role: "root" }, "role"],
  ["/v1/keys", { name: "n" }, "role"],
  ["/v1/keys", { name: "", role: "finance" }, "name"],
  ["/v1/records/x/rereport", {}, "reason"],
  ["/v1/records/x/rereport", { reason: "r", quantity: "0" }, "quantity"],
  ["/v1/records/x/rereport", { reason: "r", quantity: "-1" }, "quantity"],
  ["/v1/records/x/rereport", { reason: "r", quantity: "1.00001" }, "quantity"],
  ["/v1/records/x/rereport", { reason: "r", quantity: "123456789" }, "quantity"],
  ["/v1/records/x/rereport", { reason: "r", quantity: "1e13" }, "quantity"],
];

const QUERIES: [string, string][] = [
  ["/v1/instances?limit=0", "limit"],
  ["/v1/instances?limit=1001", "limit"],
  ["/v1/instances?limit=abc", "limit"],
  ["/v1/instances?limit=1&limit=2", "limit"],
  ["/v1/instances?page=2", "page"],
  ["/v1/hours?before=yesterday", "before"],
  ["/v1/records?hour=2026-01-01T00:30:00Z", "hour"],
  ["/v1/records?state=lost", "state"],
  ["/v1/records?instance=", "instance"],
  ["/v1/quarantine?limit=-1", "limit"],
  ["/v1/findings?all=1", "all"],
];

describe("what cannot be right is refused, by field, value and what would be right", () => {
  it.each(BODIES)("POST %s %j", async (path, body, field) => {
    const { status, json } = await api.post(path, body);
    expect({ status, code: json.code, field: json.field }).toEqual({
      status: 400,
      code: "field_invalid",
      field,
    });
    expect(json.detail).toContain(field);
    expect(json.zh.detail).toMatch(/\p{Script=Han}/u);
  });

  it.each(QUERIES)("GET %s", async (path, field) => {
    const { status, json } = await api.get(path);
    expect({ status, code: json.code, field: json.field }).toEqual({
      status: 400,
      code: "field_invalid",
      field,
    });
  });

  it("reports every wrong field at once, with its value", async () => {
    const { json } = await api.post("/v1/meters", { code: "ok", aggregation: "avg", scale: 99 });
    expect(json.fields.map((one: { field: string }) => one.field)).toEqual(["aggregation", "scale"]);
    expect(json.detail).toBe(
      'aggregation "avg": give one of sum, count, max, unique; scale 99: give a whole number from 0 to 12',
    );
  });

  it("adds nothing of what it refuses", async () => {
    const { json } = await api.get("/v1/meters");
    expect(json.items.map((one: { code: string }) => one.code)).toEqual(["tokens"]);
    expect((await api.get("/v1/instances")).json.items).toEqual([]);
  });
});

it.each([
  ["not JSON", '{"code":', "application/json", 400, "malformed_json"],
  ["__proto__", '{"__proto__":{},"code":"m","aggregation":"sum"}', "application/json", 400, "malformed_json"],
  ["a key twice", '{"code":"m","code":"n","aggregation":"sum"}', "application/json", 400, "duplicate_key"],
  [
    "a key twice, deep",
    `{"contents":[{"meter":"a","\\u006deter":"b"}]}`,
    "application/json",
    400,
    "duplicate_key",
  ],
  ["deep", `{"code":${"[".repeat(40)}${"]".repeat(40)}}`, "application/json", 400, "malformed_json"],
  ["another type", "code=m", "application/x-www-form-urlencoded", 415, "unsupported_media_type"],
  ["too much", `{"code":"${"x".repeat(1_100_000)}"}`, "application/json", 413, "body_too_large"],
])("refuses a body that is %s", async (_name, body, type, status, code) => {
  const answer = await api.post("/v1/meters", body, { type });
  expect({ status: answer.status, code: answer.json.code }).toEqual({ status, code });
});

it("takes a quantity that the marketplace takes", async () => {
  const { sn } = await addRecord(api, { instanceId: "valid", state: "rejected_fixable" });
  const { status, json } = await api.post(`/v1/records/${sn}/rereport`, {
    reason: "typo",
    quantity: 12345678.1234,
  });
  expect({ status, quantity: json.quantity }).toEqual({ status: 202, quantity: "12345678.1234" });
});

describe("texts that the database cannot hold", () => {
  const cursor = (...parts: string[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");
  const span = "from=2026-03-01T09:00:00Z&to=2026-03-01T12:00:00Z";

  it.each([
    ["the product of an export", `/v1/exports/records?${span}&product=%00`],
    ["the subject of an export", `/v1/exports/records?${span}&subject=a%00b`],
    ["a cursor", `/v1/revenue?month=2026-03&cursor=${cursor("\u0000", "CNY")}`],
    ["a cursor of too few parts", `/v1/revenue?month=2026-03&cursor=${cursor()}`],
    ["a cursor of too many parts", `/v1/revenue?month=2026-03&cursor=${cursor("a", "b", "c")}`],
    ["a cursor above every line of a bill", "/v1/bills/1/lines?cursor=11593782605"],
    ["a cursor whose key is none", `/v1/records/b1/events?cursor=${cursor("gateway", "x")}`],
    ["a half of a pair", `/v1/revenue?month=2026-03&cursor=${cursor("\ud800", "CNY")}`],
  ])("are refused in %s", async (_name, path) => {
    const { status, json } = await api.get(path);
    expect({ status, code: json?.code }).toEqual({ status: 400, code: "field_invalid" });
  });

  it.each(["\u0000", "\ud800"])("are refused in the contents of a package: %j", async (meter) => {
    const body = { productId: "p-1", mode: "package", contents: [{ meter, quota: "5" }] };
    const { status, json } = await api.post("/v1/products", body);
    expect({ status, code: json.code }).toEqual({ status: 400, code: "field_invalid" });
  });

  it.each([
    ["a name of a profile to save", "save=p&map=%7B%22serialNumber%22%3A%22a%5Cu0000%22%7D"],
    ["the name of a sheet that is saved", "save=p&sheet=%00"],
  ])("are refused in %s", async (_name, query) => {
    const file = "metering_sn,instance_id,begin_time,end_time,usage_value,state\n#total,0,,,,";
    const { status, json } = await api.post(`/v1/imports?${query}`, file, { type: "text/csv" });
    expect({ status, code: json.code }).toEqual({ status: 400, code: "field_invalid" });
  });
});
