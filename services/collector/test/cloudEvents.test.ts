import { gzipSync, deflateSync } from "node:zlib";
import { CloudEvent, emitterFor, HTTP, Mode, type Message } from "cloudevents";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UsageBatch } from "@quarterpast/queue";
import { createConsumer } from "@quarterpast/queue";
import type { Collector } from "../src/collector.js";
import { createStand, json, post, tokenOf, until, usageEvent } from "./kit.js";

const stand = await createStand();
let collector: Collector;
const counted = new Map<string, UsageBatch["events"][number]>();
const consumer = createConsumer({
  redisUrl: stand.env.REDIS_URL,
  prefix: stand.env.QUEUE_PREFIX,
  concurrency: 1,
  process: async (batch) => batch.events.forEach((event) => counted.set(event.id, event)),
  onError: () => {},
});
beforeAll(async () => {
  collector = await stand.start();
});
afterAll(async () => {
  await consumer.close();
  await stand.end();
});

/** The event as the aggregator gets it. */
async function arrived(id: string) {
  await until(() => counted.has(id));
  return counted.get(id)!;
}

function send(headers: Record<string, string>, body: string | Uint8Array): Promise<Response> {
  const authorization = `Bearer ${tokenOf("ingest")}`;
  return fetch(`${collector.url}/v1/events`, {
    method: "POST",
    headers: { ...headers, authorization },
    body,
  });
}

let made = 0;
const newId = (): string => `sdk-${(made += 1)}`;
const now = (): string => new Date().toISOString();

describe("the JavaScript SDK", () => {
  it.each([
    ["binary", Mode.BINARY],
    ["structured", Mode.STRUCTURED],
  ])("is counted in %s mode, by its own emitter", async (_name, mode) => {
    const id = newId();
    const emit = emitterFor(
      async (message: Message) => {
        const response = await send(message.headers as Record<string, string>, String(message.body));
        expect(response.status).toBe(202);
        return response;
      },
      { mode },
    );
    const event = new CloudEvent({
      ...{ id, source: "/js/sdk", type: "tokens", subject: 'customer 100% "1"', time: now() },
      ...{ datacontenttype: "application/json", traceparent: "00-4bf92f35-01", data: { quantity: "2.50" } },
    });
    await emit(event);
    expect(await arrived(id)).toMatchObject({
      ...{ source: "/js/sdk", subject: 'customer 100% "1"', meter: "tokens", quantity: "2.5" },
      extensions: { traceparent: "00-4bf92f35-01" },
    });
  });

  it("is counted as a batch", async () => {
    const ids = [newId(), newId()];
    const events = ids.map((id) =>
      new CloudEvent({
        id,
        source: "js",
        type: "tokens",
        subject: "c",
        time: now(),
        data: { quantity: 1 },
      }).toJSON(),
    );
    const response = await send(
      { "content-type": "application/cloudevents-batch+json" },
      JSON.stringify(events),
    );
    expect(response.status).toBe(202);
    for (const id of ids) expect(await arrived(id)).toMatchObject({ quantity: "1" });
  });

  it("gives a message whose refusal its sender sees", async () => {
    const event = new CloudEvent({ source: "js", type: "tokens", data: { quantity: "1" } });
    const { headers, body } = HTTP.binary(event);
    const response = await send(headers as Record<string, string>, String(body));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: "field_missing", field: "subject" });
  });
});

/** What the other SDKs write, after their sources: the headers and the body of one event of 2.5 tokens. */
const SDKS: [string, (id: string, time: string) => { headers: Record<string, string>; body: string }][] = [
  [
    "Python, to_binary",
    (id, time) => ({
      headers: {
        ...{ "ce-specversion": "1.0", "ce-id": id, "ce-source": "py", "ce-type": "tokens" },
        ...{ "ce-subject": "customer-1", "ce-time": time.replace("Z", "000+00:00") },
        ...{ "content-type": "application/json" },
      },
      body: '{"quantity": 2.5}',
    }),
  ],
  [
    "Python, to_structured of an event with optional attributes",
    (id, time) => ({
      headers: { "content-type": "application/cloudevents+json" },
      body: JSON.stringify({
        ...{ attributes: null, specversion: "1.0", id, source: "py", type: "tokens", subject: "customer-1" },
        ...{
          time: time.replace("Z", "000+00:00"),
          datacontenttype: null,
          dataschema: null,
          data_base64: null,
        },
        data: { quantity: 2.5 },
      }),
    }),
  ],
  [
    "Go, client.Send",
    (id, time) => ({
      headers: {
        ...{ "Ce-Id": id, "Ce-Source": "go", "Ce-Specversion": "1.0", "Ce-Subject": "customer-1" },
        ...{ "Ce-Time": time, "Ce-Type": "tokens", "Content-Type": "application/json" },
      },
      body: '{"quantity":"2.5"}',
    }),
  ],
  [
    "Java, JsonFormat of data that are bytes",
    (id, time) => ({
      headers: { "Content-Type": "application/cloudevents+json" },
      body: JSON.stringify({
        ...{ specversion: "1.0", id, source: "java", type: "tokens", subject: "customer-1", time },
        data_base64: Buffer.from('{"quantity":"2.5"}').toString("base64"),
      }),
    }),
  ],
  [
    "C#, ToHttpContent in binary mode",
    (id, time) => ({
      headers: {
        ...{ "ce-specversion": "1.0", "ce-id": id, "ce-source": "cs", "ce-type": "tokens" },
        ...{ "ce-subject": "customer%2D1", "ce-time": time },
        ...{ "Content-Type": "application/json; charset=utf-8" },
      },
      body: '{"quantity":2.5}',
    }),
  ],
  [
    "C#, ToHttpContent in structured mode",
    (id, time) => ({
      headers: { "Content-Type": "application/cloudevents+json; charset=utf-8" },
      body: JSON.stringify({
        ...{ specversion: "1.0", id, source: "cs", type: "tokens", subject: "customer-1", time },
        ...{ datacontenttype: "application/json", data: { quantity: 2.5 } },
      }),
    }),
  ],
];

it.each(SDKS)("%s: the bytes of the SDK are counted", async (_name, bytesOf) => {
  const id = newId();
  const { headers, body } = bytesOf(id, now());
  const response = await send(headers, body);
  expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 202 });
  expect(await arrived(id)).toMatchObject({ subject: "customer-1", meter: "tokens", quantity: "2.5" });
});

it("reads attributes in headers as the binding says: quoted, percent-encoded, or UTF-8 as it is", async () => {
  const id = newId();
  const utf8 = Buffer.from("客户 1", "utf8").toString("latin1");
  const headers = {
    ...{ "ce-specversion": "1.0", "ce-id": id, "ce-type": "tokens", "ce-time": now(), "ce-subject": utf8 },
    ...{ "ce-source": '"shop \\"a\\" %E7%94%A8%E9%87%8F 5%"', "content-type": "application/json" },
  };
  expect((await send(headers, '{"quantity":"2"}')).status).toBe(202);
  expect(await arrived(id)).toMatchObject({ subject: "客户 1", source: 'shop "a" 用量 5%' });
});

describe("media types and encodings", () => {
  it.each([
    ["Application/CloudEvents+JSON; charset=UTF-8", () => usageEvent()],
    ["application/cloudevents-batch+json;profile=x", () => [usageEvent()]],
    ['application/json; odata="a;b"; charset="utf-8"', () => usageEvent()],
  ])("takes %s", async (type, body) => {
    expect((await post(collector, body(), { type })).status).toBe(202);
  });

  it.each([
    ["gzip", gzipSync],
    ["X-GZIP", gzipSync],
    ["deflate", deflateSync],
  ])("takes a body packed as %s", async (encoding, pack) => {
    const event = usageEvent();
    const response = await post(collector, new Uint8Array(pack(JSON.stringify(event))), {
      headers: { "content-encoding": encoding },
    });
    expect(response.status).toBe(202);
    await arrived(String(event["id"]));
  });

  it.each([
    ["gzip", gzipSync(Buffer.alloc(64 * 1_048_576, 0x20)), 413, "body_too_large"],
    ["gzip", Buffer.from("[]"), 400, "bad_request"],
    ["deflate", gzipSync("[]"), 400, "bad_request"],
    ["br", Buffer.from("[]"), 415, "unsupported_media_type"],
    ["gzip, gzip", gzipSync(gzipSync("[]")), 415, "unsupported_media_type"],
  ])("refuses a body that is not what %s says, or grows too large", async (encoding, body, status, code) => {
    const response = await post(collector, new Uint8Array(body), {
      headers: { "content-encoding": encoding },
    });
    expect(response.status).toBe(status);
    expect(await json(response)).toMatchObject({ code });
  });
});

it("keeps usage whose trace is too long to be kept, and data of another system", async () => {
  const id = newId();
  const event = { ...usageEvent({ id }), tracestate: "vendor=opaque,".repeat(40), traceparent: "00-1-01" };
  const data = { quantity: "2.5", model: "m-1", tags: { deep: { deeper: { deepest: [1] } } } };
  expect((await post(collector, { ...event, data })).status).toBe(202);
  expect(await arrived(id)).toMatchObject({ quantity: "2.5", extensions: { traceparent: "00-1-01" } });
});
