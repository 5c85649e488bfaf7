import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { receipt } from "@quarterpast/contract";
import { createConsumer, type UsageBatch } from "@quarterpast/queue";
import { createKey } from "@quarterpast/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Collector } from "../src/collector.js";
import { createStand, json, post, tokenOf, until, usageEvent, type Answer } from "./kit.js";

describe("POST /v1/events", () => {
  let stand: Awaited<ReturnType<typeof createStand>>;
  let collector: Collector;
  beforeAll(async () => {
    stand = await createStand();
    collector = await stand.start();
  });
  afterAll(() => stand.end());

  it.each([
    ["application/cloudevents+json", () => JSON.stringify(usageEvent()), 1],
    ["application/cloudevents-batch+json", () => JSON.stringify([usageEvent(), usageEvent()]), 2],
    ["application/json", () => JSON.stringify([usageEvent(), usageEvent(), usageEvent()]), 3],
    ["application/json; charset=utf-8", () => JSON.stringify(usageEvent()), 1],
    [
      "application/x-ndjson",
      () => `${JSON.stringify(usageEvent())}\r\n\n${JSON.stringify(usageEvent())}\n`,
      2,
    ],
  ])("takes %s", async (type, body, accepted) => {
    const response = await post(collector, body(), { type });
    expect(receipt.parse(await response.json())).toEqual({ accepted, rejected: [] });
    expect(response.status).toBe(202);
  });

  it("puts what it took on the queue, as one batch with the fields of the events", async () => {
    const batches: UsageBatch[] = [];
    const own = await createStand();
    const other = await own.start();
    const event = usageEvent({ data: { quantity: 2.5 }, region: "cn-north-4" });
    await post(other, [event, usageEvent()]);
    const consumer = createConsumer({
      redisUrl: own.env.REDIS_URL,
      prefix: own.env.QUEUE_PREFIX,
      concurrency: 1,
      process: async (batch) => void batches.push(batch),
      onError: () => {},
    });
    await until(() => batches.length === 1);
    await consumer.close();
    expect(batches[0]!.events).toHaveLength(2);
    expect(batches[0]!.events[0]).toMatchObject({
      id: event.id,
      source: "/test",
      meter: "tokens",
      quantity: "2.5",
      extensions: { region: "cn-north-4" },
    });
    await own.end();
  });

  it("takes the good events of a mixed batch and names the bad ones", async () => {
    const bad = usageEvent({ data: { quantity: "1e5x" } });
    const early = usageEvent({ time: new Date(Date.now() + 3_600_000).toISOString() });
    const response = await post(collector, [usageEvent(), bad, early, usageEvent()]);
    expect(response.status).toBe(207);
    const body = await json<Answer>(response);
    expect(body.accepted).toBe(2);
    expect(body.rejected).toMatchObject([
      { index: 1, id: bad.id, code: "quantity_invalid", field: "data.quantity", retryable: false },
      { index: 2, id: early.id, code: "time_in_future", field: "time", retryable: true },
    ]);
  });

  it("names every event where none is good, and answers 422", async () => {
    const response = await post(collector, [{ id: "a" }, 7]);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      code: "events_rejected",
      detail: "event 0: specversion is required, and 1 more",
      zh: { title: "事件被拒绝，未接收任何事件" },
      accepted: 0,
      rejected: [
        { index: 0, id: "a" },
        { index: 1, id: null },
      ],
    });
  });

  it.each([
    ["an event", (event: object) => JSON.stringify(event), "application/cloudevents+json"],
    ["an array of one", (event: object) => JSON.stringify([event]), "application/json"],
    ["a line", (event: object) => JSON.stringify(event), "application/x-ndjson"],
  ])("answers %s that is refused with its own problem, never 207", async (_what, body, type) => {
    const response = await post(collector, body(usageEvent({ data: { quantity: "-1" } })), { type });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      ...{ status: 422, code: "quantity_invalid", field: "data.quantity", accepted: 0 },
      rejected: [{ index: 0, code: "quantity_invalid" }],
    });
  });

  it("answers 503 with Retry-After where all that is refused may come again later", async () => {
    const ahead = () => usageEvent({ time: new Date(Date.now() + 3_600_000).toISOString() });
    const one = await post(collector, ahead());
    expect([one.status, one.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await one.json()).toMatchObject({ code: "time_in_future", field: "time" });
    const several = await post(collector, [ahead(), ahead()]);
    expect([several.status, several.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await several.json()).toMatchObject({ code: "events_ahead", rejected: [{}, {}] });
    const mixed = await post(collector, [ahead(), { id: "a" }]);
    expect([mixed.status, mixed.headers.get("retry-after")]).toEqual([422, null]);
  });

  it("keeps nothing of a strict request with a bad event, and its good ones may come again", async () => {
    const own = await createStand();
    const other = await own.start();
    const good = usageEvent();
    const headers = { prefer: 'respond-async, handling="strict"' };
    const refused = await post(other, [good, { id: "a" }], { headers });
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ accepted: 0, rejected: [{ index: 1, id: "a" }] });
    expect(await (await fetch(`${other.url}/metrics`)).text()).not.toMatch(
      /events_accepted_total\{[^}]*\} [1-9]/,
    );
    expect((await post(other, [good], { headers })).status).toBe(202);
    expect((await post(other, [good], { headers })).status).toBe(202);
    await own.end();
  });

  it("refuses only a bad line of NDJSON", async () => {
    const twice = `{"id":"a","id":"b"}`;
    const lines = [JSON.stringify(usageEvent()), "{oops", "", twice, JSON.stringify(usageEvent())];
    const response = await post(collector, lines.join("\n"), { type: "application/x-ndjson" });
    const body = await json<Answer>(response);
    expect(body.accepted).toBe(2);
    expect(body.rejected).toMatchObject([
      { index: 1, code: "malformed_json" },
      { index: 2, code: "duplicate_key" },
    ]);
  });

  it.each([
    ["no key", { headers: { authorization: "" } }, 401, "unauthorized"],
    ["a wrong secret", { token: tokenOf("ingest").replace(/.$/, "0") }, 401, "unauthorized"],
    ["an unknown key", { token: `qp_unknown0_${"0".repeat(32)}` }, 401, "unauthorized"],
    ["a key that only reads", { token: tokenOf("finance") }, 403, "forbidden"],
    ["another content type", { type: "text/csv" }, 415, "unsupported_media_type"],
    ["another charset", { type: "application/json; charset=latin1" }, 415, "unsupported_media_type"],
  ])("refuses %s", async (_what, options, status, code) => {
    const response = await post(collector, [usageEvent()], options);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(await response.json()).toMatchObject({ status, code });
  });

  it("takes events from an operator, and from a revoked key no more", async () => {
    const own = await createStand();
    const other = await own.start();
    const token = tokenOf("operator");
    expect((await post(other, usageEvent(), { token })).status).toBe(202);
    await own.pool.query("UPDATE api_keys SET revoked_at = now() WHERE key_id = $1", [token.split("_")[1]]);
    await until(async () => (await post(other, usageEvent(), { token })).status === 401, 3_000);
    await own.end();
  });

  it("takes of a limited key the events of its sources, and no others", async () => {
    const own = await createStand();
    const other = await own.start();
    const token = `qp_limited0_${"0".repeat(32)}`;
    const sources = ["gateway", "shop/*"];
    const now = Date.now() * 1_000;
    await createKey(own.pool, { keyId: "limited0", name: "x", role: "ingest", sources, token }, now);
    await until(async () => (await post(other, [], { token })).status !== 401, 3_000);
    const named = ["gateway", "shop/1", "shop", "gateway/2", "x gateway"];
    const events = named.map((source) => usageEvent({ source }));
    const answer = (await (await post(other, events, { token })).json()) as Answer;
    expect(answer.accepted).toBe(2);
    expect(answer.rejected).toMatchObject(
      [2, 3, 4].map((index) => ({ index, code: "source_forbidden", field: "source", retryable: false })),
    );
    await own.end();
  });

  it("refuses a key that is limited to accounts: sources are the seller's", async () => {
    const own = await createStand();
    const other = await own.start();
    const token = `qp_limited1_${"0".repeat(32)}`;
    const key = { keyId: "limited1", name: "x", role: "operator" } as const;
    await createKey(own.pool, { ...key, accounts: ["test"], token }, Date.now() * 1_000);
    await until(async () => (await post(other, usageEvent(), { token })).status === 403, 3_000);
    await own.end();
  });

  const deep = `{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  it.each([
    [
      "too many events",
      JSON.stringify(Array.from({ length: 1_001 }, () => 1)),
      "application/json",
      400,
      "too_many_events",
    ],
    ["too many lines", "{}\n".repeat(1_001), "application/x-ndjson", 400, "too_many_events"],
    ["no event", "[]", "application/json", 400, "empty_batch"],
    ["no line", "\n\n", "application/x-ndjson", 400, "empty_batch"],
    ["no body", "", "application/json", 400, "malformed_json"],
    ["an array as one event", "[]", "application/cloudevents+json", 400, "malformed_json"],
    ["one event as a batch", "{}", "application/cloudevents-batch+json", 400, "malformed_json"],
    ["a number", "7", "application/json", 400, "malformed_json"],
    ["deep nesting", deep, "application/json", 400, "malformed_json"],
    ["more than 1 MiB", `"${"x".repeat(1_048_576)}"`, "application/json", 413, "body_too_large"],
    ["bytes that are not UTF-8", Buffer.from([0x5b, 0xff, 0x5d]), "application/json", 400, "malformed_json"],
    ["a key twice", '{"id":"a","data":{},"\\u0069d":"b"}', "application/json", 400, "duplicate_key"],
  ])("refuses %s", async (_what, body, type, status, code) => {
    const response = await post(collector, body, { type });
    expect(await response.json()).toMatchObject({ status, code });
    expect(response.status).toBe(status);
  });

  it("refuses events whose fields could not be stored or counted exactly, one by one", async () => {
    const nasty = [
      { id: "a\u0000b" },
      { id: "\ud800" },
      { subject: "x".repeat(10_000) },
      { data: { quantity: -1 } },
      { data: { quantity: "NaN" } },
      { time: "2026-02-30T00:00:00Z" },
      { time: "2026-01-01T00:00:00" },
    ].map((more) => JSON.stringify(usageEvent(more)));
    nasty.push(JSON.stringify(usageEvent()).replace('"1"}', "9007199254740993}"));
    nasty.push(JSON.stringify(usageEvent()).replace('"1"}', "1e400}"));
    const response = await post(collector, `[${nasty.join(",")}]`);
    expect(response.status).toBe(422);
    const body = await json<Answer>(response);
    expect(body.accepted).toBe(0);
    expect(body.rejected).toHaveLength(nasty.length);
  });

  it("takes JSON numbers by their own digits, and rounds none", async () => {
    const sent = (quantity: string) =>
      post(collector, JSON.stringify(usageEvent()).replace('"quantity":"1"', `"quantity":${quantity}`));
    for (const quantity of ["999999999999.00001", "1.5e3", "1.0000000000000", "100000000000.123456789012"])
      expect({ quantity, status: (await sent(quantity)).status }).toEqual({ quantity, status: 202 });
    for (const [quantity, detail] of [
      ["1.00000000000000001", /17 decimals, .* send "1"/],
      ["1e-400", /"1e-400": has 400 decimals/],
      ["0.30000000000000004", /17 decimals, .* send "0.3"/],
      ["1E400", /"1E400": must be a decimal/],
    ] as const) {
      const response = await sent(quantity);
      expect(await response.json()).toMatchObject({
        code: "quantity_invalid",
        detail: expect.stringMatching(detail),
      });
    }
  });

  it("refuses a UUIDv7 whose identity may be forgotten, and takes one within the retention", async () => {
    const made = (daysAgo: number) => {
      const hex = (Date.now() - daysAgo * 86_400_000).toString(16).padStart(12, "0");
      return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${randomUUID().slice(24)}`;
    };
    const ids = [made(36), made(34), made(-2)];
    const response = await post(
      collector,
      ids.map((id) => usageEvent({ id })),
    );
    const body = await json<Answer>(response);
    expect(body.accepted).toBe(1);
    expect(body.rejected).toMatchObject([
      { index: 0, id: ids[0], code: "id_too_old", field: "id", retryable: false },
      { index: 2, id: ids[2], code: "id_in_future", field: "id", retryable: true },
    ]);
  });

  it("refuses other methods and addresses", async () => {
    expect((await fetch(`${collector.url}/v1/events`)).status).toBe(405);
    expect((await fetch(`${collector.url}/v1/event`, { method: "POST" })).status).toBe(404);
  });

  it("refuses more than it can hold in work, and takes events again when there is room", async () => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${tokenOf("ingest")}` };
    // 64 would fill it; some more, because some may be cut off on a busy machine.
    const slow = Array.from({ length: 80 }, () => {
      const sending = request(`${collector.url}/v1/events`, { method: "POST", headers });
      sending.on("error", () => {});
      sending.write("[");
      return sending;
    });
    await until(async () => {
      const refused = await post(collector, usageEvent());
      return refused.status === 429 && refused.headers.get("retry-after") === "1";
    });
    for (const sending of slow) sending.destroy();
    await until(async () => (await post(collector, usageEvent())).status === 202);
  });

  it("joins small requests that come at once into few entries", async () => {
    const before = await journalCommits(collector);
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(collector, usageEvent())));
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    expect((await journalCommits(collector)) - before).toBeLessThan(150);
  });
});

async function journalCommits(collector: Collector): Promise<number> {
  const text = await (await fetch(`${collector.url}/metrics`)).text();
  return Number(/journal_commit_seconds_count\{[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
}
