import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { afterEach, expect, test } from "vitest";
import { exchange, type ExchangeRequest } from "../src/http/exchange.js";

const REPLY_AFTER_MS = 300;
let server: Server;
let agent: Agent;

afterEach(async () => {
  await agent.destroy();
  server.closeAllConnections();
  server.close();
});

/** One connection to a server that answers after a while; `seen` are the bodies that reached it. */
async function start() {
  const seen: string[] = [];
  server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => seen.push(chunk.toString("utf8")));
    setTimeout(() => response.end("{}"), REPLY_AFTER_MS);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  agent = new Agent({ connections: 1 });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const send = (text: string, totalMs: number, signal?: AbortSignal) =>
    exchange(agent, {
      origin,
      path: "/",
      method: "POST",
      headers: {},
      body: Buffer.from(text),
      headersMs: 2_000,
      totalMs,
      maxReplyBytes: 1_000,
      signal,
    } satisfies ExchangeRequest);
  return { seen, send };
}

test("what was given up while it waited for a connection is never sent afterwards", async () => {
  const { seen, send } = await start();
  const first = send("first", 2_000);
  const late = send("late", 100);
  const cancelled = send("cancelled", 2_000, AbortSignal.timeout(100));
  expect(await late).toMatchObject({ kind: "not_sent", code: "TIMEOUT" });
  expect(await cancelled).toMatchObject({ kind: "not_sent", code: "ABORTED" });
  expect(await first).toMatchObject({ kind: "reply", status: 200 });
  await sleep(REPLY_AFTER_MS);
  expect(seen).toEqual(["first"]);
  expect(await send("next", 2_000)).toMatchObject({ kind: "reply" });
  expect(seen).toEqual(["first", "next"]);
});

test("a dispatcher that is closed sends nothing, and says so", async () => {
  const { seen, send } = await start();
  await agent.destroy();
  expect(await send("x", 1_000)).toMatchObject({ kind: "not_sent", code: "NOT_SENT" });
  expect(seen).toEqual([]);
});
