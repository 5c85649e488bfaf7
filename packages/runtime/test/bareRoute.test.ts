import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import type { BareRoute } from "../src/bareRoute.js";
import { createHttp } from "../src/http.js";
import { createMetrics } from "../src/metrics.js";
import { ProblemError } from "../src/problem.js";
import { memoryLog } from "./helpers/memoryLog.js";

const LIMIT = 100;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const route: BareRoute<string> = {
  path: "/bare",
  admit({ headers }) {
    if (headers["x-refuse"])
      throw new ProblemError({ status: 503, code: "overloaded", title: "No", retryAfterSeconds: 1 });
    return String(headers["x-name"]);
  },
  async answer(name, body) {
    if (body.length === 0) throw new Error("secret detail");
    if (name === "slow") await new Promise((resolve) => setTimeout(resolve, 300));
    return { status: 202, body: { name, bytes: body.length } };
  },
};

async function serve() {
  const log = memoryLog();
  const app = createHttp({
    ...{ logger: log.logger, metrics: createMetrics("test"), ready: {} },
    ...{ bodyLimit: LIMIT, bare: route },
  });
  app.get("/bare", async () => ({ other: true }));
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  ends.push(() => app.close());
  return { app, url, log, port: (app.server.address() as AddressInfo).port };
}

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", body, headers });

it("answers with what the head and the body came to; the framework has the other methods and paths", async () => {
  const { url } = await serve();
  const answer = await post(`${url}/bare?x=1`, "four", { "x-name": "n" });
  expect([answer.status, await answer.json()]).toEqual([202, { name: "n", bytes: 4 }]);
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(await (await fetch(`${url}/bare`)).json()).toEqual({ other: true });
  expect((await post(`${url}/barely`, "x")).status).toBe(404);
});

it("refuses by the head, by size, and reveals nothing of our own errors", async () => {
  const { url, log } = await serve();
  const refused = await post(`${url}/bare`, "x", { "x-refuse": "1" });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.json()).toMatchObject({
    code: "overloaded",
    type: "urn:quarterpast:problem:overloaded",
  });
  const large = await post(`${url}/bare`, "x".repeat(LIMIT + 1));
  expect([large.status, large.headers.get("connection")]).toEqual([413, "close"]);
  const failed = await post(`${url}/bare`, "");
  expect([failed.status, failed.headers.get("content-type")]).toEqual([
    500,
    "application/problem+json; charset=utf-8",
  ]);
  expect(await failed.text()).not.toContain("secret");
  expect(log.text()).toContain("secret detail");
});

it("is measured, whatever it answered", async () => {
  const { url } = await serve();
  await post(`${url}/bare`, "x");
  await post(`${url}/bare`, "x", { "x-refuse": "1" });
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  const counts = lines.filter((line) => line.includes("request_seconds_count") && line.includes('"/bare"'));
  expect(counts.map((line) => /status="(\d+)".* (\d+)$/.exec(line)!.slice(1))).toEqual([
    ["202", "1"],
    ["503", "1"],
  ]);
});

it("is silent where the client went away, and goes on", async () => {
  const { url, port, log } = await serve();
  const gone = connect(port, "127.0.0.1");
  gone.write("POST /bare HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nhalf");
  await new Promise((resolve) => setTimeout(resolve, 50));
  gone.destroy();
  expect((await post(`${url}/bare`, "x")).status).toBe(202);
  expect(log.text()).not.toContain("failed");
});

it("answers what is in work when it closes, and ends the connection", async () => {
  const { app, port } = await serve();
  const slow = connect(port, "127.0.0.1");
  slow.write("POST /bare HTTP/1.1\r\nhost: x\r\nx-name: slow\r\ncontent-length: 1\r\n\r\nx");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const closed = app.close();
  expect(await text(slow)).toMatch(/^HTTP\/1.1 202 .*connection: close.*"name":"slow"/is);
  await closed;
});
