import { connect, createServer, type Socket } from "node:net";
import { reservePort } from "@quarterpast/stack/servers";
import { expect, it, onTestFinished } from "vitest";
import { startApi } from "./kit.js";

/** A route to a server that can be cut: open connections break, new ones are refused. */
async function createBridge({ hostname, port: targetPort }: { hostname: string; port: string }) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(targetPort), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
  });
  // Reserved, because while it is cut off another process could take a port given by the system.
  const port = await reservePort();
  const mend = () => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await mend();
  return {
    port,
    mend,
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

it("goes on by the keys it knows while Postgres is away, and says so", async () => {
  let bridge: Awaited<ReturnType<typeof createBridge>> | undefined;
  const api = await startApi({
    routeTo: async (url) => {
      const target = new URL(url);
      bridge = await createBridge({ hostname: target.hostname, port: target.port });
      target.hostname = "127.0.0.1";
      target.port = String(bridge.port);
      return target.href;
    },
  });
  onTestFinished(async () => {
    await api.end();
    bridge!.cut();
  });
  bridge!.cut();
  const { status, json, headers } = await api.get("/v1/meters");
  expect({ status, code: json.code, retryAfter: headers.get("retry-after") }).toEqual({
    status: 503,
    code: "unavailable",
    retryAfter: "1",
  });
  expect((await fetch(`${api.url}/healthz/ready`)).status).toBe(503);
  const doctor = await api.get("/v1/doctor");
  const names = doctor.json.checks.map((check: { name: string }) => check.name);
  expect(doctor.json.checks[0]).toMatchObject({ name: "postgres", ok: false });
  expect(names).toEqual(["postgres", "redis", "queue"]);

  await bridge!.mend();
  await expect.poll(async () => (await api.get("/v1/meters")).status).toBe(200);
});
