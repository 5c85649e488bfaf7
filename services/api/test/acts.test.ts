import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api.end());

describe("meters", () => {
  it("come with defaults by their aggregation", async () => {
    const sum = await api.post("/v1/meters", { code: "bytes", aggregation: "sum" });
    const count = await api.post("/v1/meters", { code: "calls", aggregation: "count" });
    expect(sum.json).toEqual({ code: "bytes", aggregation: "sum", unit: "unit", scale: 6 });
    expect(count.json).toEqual({ code: "calls", aggregation: "count", unit: "count", scale: 0 });
    expect(sum.status).toBe(201);
  });

  it("are the same again, or refused", async () => {
    const values = { code: "gpu", aggregation: "max", unit: "gpu", scale: 0 };
    expect((await api.post("/v1/meters", values)).status).toBe(201);
    expect((await api.post("/v1/meters", values)).status).toBe(200);
    const other = await api.post("/v1/meters", { ...values, scale: 1 });
    expect({ status: other.status, code: other.json.code }).toEqual({ status: 409, code: "already_exists" });
    expect(other.json.detail).toContain("max, gpu, scale 0");
  });
});

describe("instances", () => {
  const life = (instanceId: string, opened: string, subject = "s1") => ({
    instanceId,
    product: "llm",
    meter: "bytes",
    subject,
    opened,
  });

  it("of one subject and meter do not overlap", async () => {
    expect((await api.post("/v1/instances", life("i1", "2026-01-01T00:00:00Z"))).status).toBe(201);
    const overlap = await api.post("/v1/instances", life("i2", "2026-02-01T00:00:00+08:00"));
    expect({ status: overlap.status, code: overlap.json.code }).toEqual({
      status: 409,
      code: "lives_overlap",
    });
    expect(overlap.json.detail).toContain("i1");
    expect(overlap.json.detail).toContain("opened 2026-01-01T00:00:00Z, still open");
    expect(overlap.json.inTheWay).toMatchObject({ instanceId: "i1", closed: null });

    await api.post("/v1/instances/i1/close", { closed: "2026-02-01T00:00:00Z" });
    const tooEarly = await api.post("/v1/instances", life("i2", "2026-01-31T23:59:59Z"));
    expect(tooEarly.json.detail).toContain("closed 2026-02-01T00:00:00Z");
    expect((await api.post("/v1/instances", life("i2", "2026-02-01T00:00:00Z"))).status).toBe(201);
    expect((await api.post("/v1/instances", life("i3", "2026-01-01T00:00:00Z", "s2"))).status).toBe(201);
  });

  it("overlap not even when they are added at once", async () => {
    const all = await Promise.all(
      ["a", "b", "c", "d"].map((id) =>
        api.post("/v1/instances", life(`race-${id}`, "2026-01-01T00:00:00Z", "race")),
      ),
    );
    expect(all.map(({ status }) => status)).toEqual(expect.arrayContaining([201, 409, 409, 409]));
    expect(all.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it("are the same again, or refused", async () => {
    expect((await api.post("/v1/instances", life("i3", "2026-01-01T00:00:00Z", "s2"))).status).toBe(200);
    const other = await api.post("/v1/instances", life("i3", "2026-01-01T00:00:01Z", "s2"));
    expect({ status: other.status, code: other.json.code }).toEqual({ status: 409, code: "already_exists" });
  });

  it("need their meter", async () => {
    const { status, json } = await api.post("/v1/instances", {
      ...life("i9", "2026-01-01T00:00:00Z"),
      meter: "none",
    });
    expect({ status, code: json.code }).toEqual({ status: 422, code: "unknown_meter" });
  });

  it("close once, after they opened", async () => {
    await api.post("/v1/instances", life("c1", "2026-01-01T00:00:00Z", "closing"));
    const early = await api.post("/v1/instances/c1/close", { closed: "2026-01-01T00:00:00Z" });
    expect({ status: early.status, code: early.json.code }).toEqual({ status: 409, code: "state_forbids" });

    const closed = await api.ask("POST", "/v1/instances/c1/close");
    expect(closed.status).toBe(200);
    expect(closed.json.closed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Math.abs(Date.parse(closed.json.closed) - Date.now())).toBeLessThan(10_000);

    const again = await api.post("/v1/instances/c1/close", { closed: "2026-01-02T00:00:00Z" });
    expect({ status: again.status, code: again.json.code }).toEqual({ status: 409, code: "state_forbids" });
    expect(again.json.detail).toContain(closed.json.closed);
    expect((await api.post("/v1/instances/c1/close", { closed: closed.json.closed })).status).toBe(200);
    expect((await api.post("/v1/instances/nobody/close", {})).status).toBe(404);
  });

  it("are listed by pages", async () => {
    const ids: string[] = [];
    let cursor = "";
    do {
      const { json } = await api.get(`/v1/instances?limit=2${cursor}`);
      ids.push(...json.items.map((one: { instanceId: string }) => one.instanceId));
      cursor = json.next === null ? "" : `&cursor=${json.next}`;
    } while (cursor !== "");
    expect(ids).toEqual([...ids].sort());
    expect(ids).toEqual(expect.arrayContaining(["c1", "i1", "i2", "i3"]));
    expect((await api.get("/v1/instances/i1")).json).toMatchObject({
      opened: "2026-01-01T00:00:00Z",
      cycle: "hourly",
    });
  });
});

describe("keys", () => {
  it("open what their role opens, until they are revoked", async () => {
    const made = await api.post("/v1/keys", { name: "books", role: "finance" });
    expect(made.status).toBe(201);
    const { token, id } = made.json;
    expect(token).toMatch(/^qp_[0-9a-f]{8}_[0-9a-f]{48}$/);
    expect((await api.get("/v1/hours", { token })).status).toBe(200);
    expect(JSON.stringify((await api.get("/v1/keys")).json)).not.toContain(token);

    expect((await api.ask("DELETE", `/v1/keys/${id}`)).status).toBe(204);
    expect((await api.get("/v1/hours", { token })).status).toBe(401);
    expect((await api.ask("DELETE", `/v1/keys/${id}`)).status).toBe(404);
    const listed = (await api.get("/v1/keys")).json.items.find((key: { id: string }) => key.id === id);
    expect(listed.revokedAt).not.toBeNull();
  });

  it("cannot lock out the one who uses them", async () => {
    const { status, json } = await api.ask("DELETE", "/v1/keys/operator");
    expect({ status, code: json.code }).toEqual({ status: 409, code: "state_forbids" });
  });
});

it("sources are expected from now on", async () => {
  const { status, json } = await api.post("/v1/sources", { source: "//gateway", meter: "bytes" });
  expect({ status, source: json.source, meter: json.expected[0].meter }).toEqual({
    status: 201,
    source: "//gateway",
    meter: "bytes",
  });
  expect((await api.post("/v1/sources", { source: "//gateway", meter: "none" })).status).toBe(422);
  expect((await api.get("/v1/sources")).json.items).toHaveLength(1);
});

describe("records", () => {
  it("are found by hour, instance and state, in ISO times and decimal texts", async () => {
    const { sn, begin } = await addRecord(api, { instanceId: "r1", quantity: "12.3400" });
    const { json } = await api.get(`/v1/records?instance=r1&state=accepted&hour=${begin}`);
    expect(json.items).toHaveLength(1);
    expect(json.items[0]).toMatchObject({
      sn,
      quantity: "12.3400",
      state: "accepted",
      begin: begin.replace(".000", ""),
    });
    expect((await api.get("/v1/records?instance=r1&state=billed")).json.items).toEqual([]);
    const detail = await api.get(`/v1/records/${sn}`);
    expect(detail.json).toMatchObject({ sn, canonical: "{}", attemptsMade: [], outcomes: [] });
    expect((await api.get("/v1/records/none")).json.code).toBe("not_found");
  });

  it("are filed again only in a state that allows it, once at a time", async () => {
    const accepted = await addRecord(api, { instanceId: "r2" });
    const forbidden = await api.post(`/v1/records/${accepted.sn}/rereport`, { reason: "because" });
    expect({ status: forbidden.status, code: forbidden.json.code }).toEqual({
      status: 409,
      code: "state_forbids",
    });

    const refused = await addRecord(api, { instanceId: "r3", state: "rejected_fixable", quantity: "2.0000" });
    const asked = await api.post(`/v1/records/${refused.sn}/rereport`, { reason: "fixed" });
    expect({ status: asked.status, quantity: asked.json.quantity }).toEqual({
      status: 202,
      quantity: "2.0000",
    });
    expect((await api.post(`/v1/records/${refused.sn}/rereport`, { reason: "fixed" })).status).toBe(409);
    const { rows } = await api.pool.query("SELECT sn, key_id, reason FROM rereports");
    expect(rows).toEqual([{ sn: refused.sn, key_id: "operator", reason: "fixed" }]);
  });

  it("are set against a statement", async () => {
    const good = await addRecord(api, { instanceId: "st1", quantity: "1.5000" });
    const other = await addRecord(api, { instanceId: "st2", quantity: "3.0000" });
    const line = (record: typeof good, usage: string) =>
      JSON.stringify({
        metering_sn: record.sn,
        instance_id: "st",
        begin_time: record.begin.replace(/[-:]|\.000/g, ""),
        end_time: record.end.replace(/[-:]|\.000/g, ""),
        usage_value: usage,
        state: "billed",
      });
    const body = `${line(good, "1.5000")}\n${line(other, "4.0000")}\n`;
    const { status, json } = await api.post("/v1/imports?source=sdr.ndjson", body, {
      type: "application/x-ndjson",
    });
    expect({ status, problems: json.problems }).toEqual({ status: 201, problems: [] });
    expect(json).toMatchObject({ lines: 2, billed: 1, different: 1, missing: 0, extra: 0, complete: false });
    expect((await api.get(`/v1/records/${good.sn}`)).json.state).toBe("billed");
    const { items } = (await api.get("/v1/findings")).json;
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ kind: "different", key: other.sn, theirs: "4", resolvedAt: null });
  });

  it.each([
    ["nothing", "", "text/csv", 400],
    ["no list", "a,b\n1,2\n", "text/csv", 400],
    ["no JSON", "{", "application/json", 400],
    ["NUL", '{"metering_sn":"a\\u0000b"}', "application/x-ndjson", 400],
    ["another type", "x", "text/plain", 415],
  ])("refuses a statement of %s", async (_name, body, type, status) => {
    const answer = await api.post("/v1/imports", body, { type });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("problem+json");
  });
});

it("hours show status, records by state and the end of the window", async () => {
  const { begin } = await addRecord(api, { instanceId: "h1", state: "unknown" });
  await api.pool.query(
    `INSERT INTO hours (hour, shard, status, sealed_at) SELECT $1::timestamptz, shard, 'complete', $1::timestamptz + interval '62 min'
     FROM generate_series(0, 7) AS shard`,
    [begin],
  );
  const { json } = await api.get("/v1/hours?limit=1");
  expect(json.items[0]).toMatchObject({ hour: begin.replace(".000", ""), status: "complete" });
  expect(json.items[0].states.unknown).toBe(1);
  expect(Date.parse(json.items[0].windowEnds) - Date.parse(begin)).toBe(75 * 60_000);
  expect(Math.abs(Date.parse(json.now) - Date.now())).toBeLessThan(10_000);
});

it("the stack shows where it is and what time it has", async () => {
  const { json } = await api.get("/v1/stack", { as: "ingest" });
  expect(json).toMatchObject({
    collector: "http://c",
    sandbox: null,
    version: "0.0.0-test",
  });
  expect(json.clock).toMatchObject({ rate: 1 });
  expect(Math.abs(Date.parse(json.clock.now) - Date.now())).toBeLessThan(10_000);
});
