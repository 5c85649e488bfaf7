import { afterAll, beforeAll, expect, test } from "vitest";
import { createStand, startApi, tokenOf, type Collector, type TestApi } from "./stands.js";
import { createRandom, makeBody, makePart, withBody, type FuzzRequest, type Random } from "./generate.js";

/** FUZZ_SEED plays a run again; FUZZ_REQUESTS makes a long one. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 20_000);
const AT_ONCE = 16;

let api: TestApi;
let stand: Awaited<ReturnType<typeof createStand>>;
let collector: Collector;
beforeAll(async () => {
  [api, stand] = await Promise.all([startApi(), createStand()]);
  collector = await stand.start();
});
afterAll(async () => {
  await Promise.all([api.end(), stand.end()]);
});

type Endpoint = (random: Random, no: number) => FuzzRequest;

const bearer = (random: Random): Record<string, string> => {
  if (random.chance(0.03))
    return {
      authorization: random.pick(["Bearer", "Bearer x", "Basic eA==", `Bearer ${"q".repeat(4_000)}`]),
    };
  return random.chance(0.02) ? {} : { authorization: `Bearer ${tokenOf("operator")}` };
};
const get =
  (path: (random: Random, no: number) => string): Endpoint =>
  (random, no) => ({ method: "GET", path: path(random, no), headers: bearer(random) });
const post =
  (shape: string, path: (random: Random, no: number) => string): Endpoint =>
  (random, no) => {
    const type = random.chance(0.03)
      ? random.pick(["text/plain", "application/xml", "application/json; charset=utf-16"])
      : "application/json";
    const request = {
      method: "POST",
      path: path(random, no),
      headers: { ...bearer(random), "content-type": type },
    };
    return withBody(request, makeBody(shape, random, no), random);
  };
const sn = (random: Random) => makePart(random, `b1${"0".repeat(48)}`);

/** Every endpoint of the api that is told to the public, and the collector's one. */
const API: Record<string, Endpoint> = {
  stack: get(() => "/v1/stack"),
  meters: get(() => "/v1/meters"),
  addMeter: post("meter", () => "/v1/meters"),
  instances: get((random) => `/v1/instances?limit=${makePart(random, "5")}`),
  addInstance: post("instance", () => "/v1/instances"),
  instance: get((random, no) => `/v1/instances/${makePart(random, `i-${no % 60}`)}`),
  closeInstance: post("close", (random, no) => `/v1/instances/${makePart(random, `i-${no % 60}`)}/close`),
  sources: get(() => "/v1/sources"),
  addSource: post("source", () => "/v1/sources"),
  keys: get(() => "/v1/keys"),
  addKey: post("key", () => "/v1/keys"),
  revokeKey: (random) => ({
    method: "DELETE",
    path: `/v1/keys/${makePart(random, "absent00")}`,
    headers: bearer(random),
  }),
  hours: get(
    (random) =>
      `/v1/hours?before=${makePart(random, "2026-03-01T10:00:00Z")}&limit=${makePart(random, "10")}`,
  ),
  records: get(
    (random) =>
      `/v1/records?hour=${makePart(random, "2026-03-01T10:00:00Z")}&state=${makePart(random, "billed")}&cursor=${makePart(random, "b1")}`,
  ),
  record: get((random) => `/v1/records/${sn(random)}`),
  rereport: post("rereport", (random) => `/v1/records/${sn(random)}/rereport`),
  quarantine: get(() => "/v1/quarantine"),
  findings: get(() => "/v1/findings"),
  statements: (random, no) => ({
    method: "POST",
    path: "/v1/statements",
    headers: {
      ...bearer(random),
      "content-type": random.pick(["text/csv", "application/json", "application/x-ndjson"]),
    },
    body: random.pick([
      "",
      "a,b\n1,2\n",
      "[]",
      '{"records":[]}',
      "\u0000",
      JSON.stringify(makeBody("event", random, no)),
    ]),
  }),
};

const events: Endpoint = (random, no) => {
  const many = random.int(1, 5);
  const list = Array.from({ length: many }, (_, at) => makeBody("event", random, no * 10 + at));
  const isOne = random.chance(0.3);
  const isLines = !isOne && random.chance(0.3);
  const type = isOne
    ? "application/cloudevents+json"
    : isLines
      ? "application/x-ndjson"
      : "application/cloudevents-batch+json";
  const request = {
    method: random.chance(0.01) ? "PUT" : "POST",
    path: "/v1/events",
    headers: { ...bearer(random), "content-type": type },
  };
  const whole = withBody(request, isOne ? list[0] : list, random);
  return isLines && typeof whole.body === "string" && random.chance(0.9)
    ? { ...whole, body: list.map((event) => JSON.stringify(event)).join("\n") }
    : whole;
};

interface Seen {
  passed: number;
  total: number;
  statuses: Map<string, number>;
  crashes: string[];
}

async function fire(url: string, name: string, request: FuzzRequest, seen: Seen): Promise<void> {
  const { method, path, headers, body } = request;
  const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) }).catch(
    (error: unknown) => String(error),
  );
  seen.total += 1;
  if (typeof response === "string") {
    seen.crashes.push(`${name}: ${response}`);
    return;
  }
  const answer = await response.text();
  const key = `${name} ${response.status}`;
  seen.statuses.set(key, (seen.statuses.get(key) ?? 0) + 1);
  // What is refused by its content alone is 400 and its kin; who is not found or in the way has passed the schema.
  if (response.ok || [404, 409].includes(response.status)) seen.passed += 1;
  const isDeclared = response.status === 503 && response.headers.get("retry-after") !== null;
  if (response.status >= 500 && !isDeclared) {
    seen.crashes.push(
      `${name} ${response.status}: ${method} ${path.slice(0, 200)} ${String(body).slice(0, 300)} -> ${answer.slice(0, 200)}`,
    );
  }
}

test(`${REQUESTS} fuzzed requests: no 5xx that is not a declared 503`, { timeout: 600_000 }, async () => {
  const random = createRandom(seed);
  const names = Object.keys(API);
  const seen: Seen = { passed: 0, total: 0, statuses: new Map(), crashes: [] };
  let no = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (no < REQUESTS) {
        no += 1;
        const isCollector = random.chance(0.5);
        const name = isCollector ? "events" : random.pick(names);
        const endpoint = isCollector ? events : API[name]!;
        await fire(isCollector ? collector.url : api.url, name, endpoint(random, no), seen);
      }
    }),
  );
  process.stderr.write(`fuzz: seed ${seed}, ${seen.total} requests, ${seen.passed} passed the schema\n`);
  expect(seen.crashes.slice(0, 10), `seed ${seed}`).toEqual([]);
  expect(seen.passed / seen.total).toBeGreaterThan(0.3);
  for (const name of [...names, "events"]) {
    expect(
      [...seen.statuses.keys()].some((key) => key.startsWith(`${name} `)),
      name,
    ).toBe(true);
  }
  expect((await fetch(`${api.url}/healthz/live`)).status).toBe(200);
  expect((await fetch(`${collector.url}/healthz/live`)).status).toBe(200);
});
