import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { createHttp, type HttpOptions } from "../src/http.js";
import { createMetrics } from "../src/metrics.js";
import { problem, ProblemError } from "../src/problem.js";
import { memoryLog } from "./helpers/memoryLog.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(options: Partial<HttpOptions> = {}) {
  const log = memoryLog();
  const app = createHttp({ logger: log.logger, metrics: createMetrics("test"), ready: {}, ...options });
  app.post("/echo", async (request) => request.body);
  app.get("/throw", async () => {
    throw new Error("secret detail");
  });
  app.get("/refuse", async () => {
    throw new ProblemError({
      status: 503,
      code: "unavailable",
      title: "No",
      retryAfterSeconds: 0.2,
      queue: 7,
    });
  });
  app.get("/own", async (_request, reply) =>
    problem(reply, { status: 409, code: "already_exists", title: "Taken" }),
  );
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  ends.push(() => app.close());
  return { app, url, log, port: (app.server.address() as AddressInfo).port };
}

it("reports that it lives, and each check that fails", async () => {
  let redis: string | undefined = "not durable";
  const { url } = await serve({
    ready: {
      redis: () => redis,
      database: async () => {
        if (redis) throw new Error("connection refused");
        return undefined;
      },
      fine: () => undefined,
    },
  });
  expect((await fetch(`${url}/healthz/live`)).status).toBe(200);
  const down = await fetch(`${url}/healthz/ready`);
  expect(down.status).toBe(503);
  expect(await down.json()).toEqual({
    ready: false,
    failing: [
      { check: "redis", detail: "not durable" },
      { check: "database", detail: "connection refused" },
    ],
  });
  redis = undefined;
  const up = await fetch(`${url}/healthz/ready`);
  expect([up.status, await up.json()]).toEqual([200, { ready: true, failing: [] }]);
});

it("does not wait for a check that hangs", async () => {
  const { url } = await serve({ ready: { stuck: () => new Promise(() => {}) } });
  const answer = await fetch(`${url}/healthz/ready`);
  expect(await answer.json()).toMatchObject({
    failing: [{ check: "stuck", detail: "no answer within 2000 ms" }],
  });
});

it("measures requests", async () => {
  const { url } = await serve();
  await fetch(`${url}/own`);
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.headers.get("content-type")).toContain("text/plain");
  const line = (await metrics.text()).split("\n").find((text) => text.includes("request_seconds_count"));
  expect(line).toMatch(/^quarterpast_http_request_seconds_count\{.*route="\/own",status="409"\} 1$/);
});

const JSON_TYPE = { "content-type": "application/json" };
it.each([
  ["/none", {}, 404, "not_found"],
  ["/throw", {}, 500, "internal"],
  ["/own", {}, 409, "already_exists"],
  ["/refuse", {}, 503, "unavailable"],
  ["/echo", { method: "POST", headers: JSON_TYPE, body: "{" }, 400, "bad_request"],
  ["/echo", { method: "POST", headers: JSON_TYPE, body: '{"__proto__":1}' }, 400, "bad_request"],
  [
    "/echo",
    { method: "POST", headers: { "content-type": "text/csv" }, body: "1" },
    415,
    "unsupported_media_type",
  ],
  ["/echo", { method: "POST", headers: JSON_TYPE, body: `"${"x".repeat(200)}"` }, 413, "body_too_large"],
  ["/%zz", {}, 400, "bad_request"],
] as [string, RequestInit, number, string][])(
  "answers %s %o with problem+json",
  async (path, init, status, code) => {
    const { url, log } = await serve({ bodyLimit: 100 });
    const answer = await fetch(url + path, init);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    const body = (await answer.json()) as Record<string, unknown>;
    expect(body).toMatchObject({ status, code, type: `urn:quarterpast:problem:${code}` });
    expect(JSON.stringify(body)).not.toContain("secret detail");
    if (code === "internal") expect(log.text()).toContain("secret detail");
    if (code === "unavailable") {
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(body).toMatchObject({ queue: 7 });
    }
  },
);

it("lets a service map its own errors", async () => {
  const { url } = await serve({ mapError: () => ({ status: 418, code: "state_forbids", title: "T" }) });
  expect((await fetch(`${url}/throw`)).status).toBe(418);
});

it("answers broken bytes and ends requests that drip", async () => {
  const { port } = await serve();
  const broken = connect(port, "127.0.0.1");
  broken.write("NONSENSE\r\n\r\n");
  expect(await text(broken)).toMatch(/^HTTP\/1.1 400 .*bad_request/s);

  const began = Date.now();
  const slow = connect(port, "127.0.0.1");
  slow.write("GET / HTTP/1.1\r\nhost: x\r\n");
  expect(await text(slow)).toMatch(/^HTTP\/1.1 408 .*request_timeout/s);
  expect(Date.now() - began).toBeLessThan(8_000);
});

it("closes connections over the limit", async () => {
  const { port } = await serve({ maxConnections: 1 });
  const first = connect(port, "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  const second = connect(port, "127.0.0.1");
  expect(await text(second).catch(() => "")).toBe("");
  first.destroy();
});
