import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isPortFree, onOwnPort, portRange, reservePort, reservePorts } from "../src/servers/ports.js";
import { startRedis } from "../src/servers/redis.js";
import { atEnd, temporaryDir } from "./helpers/temporary.js";

const RESERVE = join(import.meta.dirname, "helpers/reserve.mjs");
const GIVEN = "/proc/sys/net/ipv4/ip_local_port_range";

async function listen(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => server.close());
  return (server.address() as AddressInfo).port;
}

it("reserves ports that follow each other and are free", async () => {
  const ports = await reservePorts(5);
  expect(ports).toEqual(ports.map((_, at) => ports[0]! + at));
  expect(await Promise.all(ports.map(isPortFree))).toEqual([true, true, true, true, true]);
  await listen(ports[0]!);
  expect(await isPortFree(ports[0]!)).toBe(false);
});

describe("a competitor", () => {
  it("that asks the system for any port, to listen or to connect from, gets none of those that are reserved", async () => {
    const reserved = await Promise.all(Array.from({ length: 50 }, () => reservePort()));
    const listening = await Promise.all(Array.from({ length: 200 }, () => listen(0)));
    const connecting = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket: Socket = connect(listening[0]!, "127.0.0.1");
        await once(socket, "connect");
        atEnd(() => void socket.destroy());
        return socket.localPort!;
      }),
    );
    const [from, to] = portRange();
    expect(reserved.filter((port) => port < from || port >= to)).toEqual([]);
    expect([...listening, ...connecting].filter((port) => port >= from && port < to)).toEqual([]);
    if (!existsSync(GIVEN)) return;
    const [first, last] = readFileSync(GIVEN, "utf8").split(/\s+/).map(Number) as [number, number];
    expect(reserved.filter((port) => port >= first && port <= last)).toEqual([]);
  });

  it("of the same kind, in another process, gets others, however narrow the range is", async () => {
    const [from] = await reservePorts(60);
    const range = [from! + 60, from! + 90];
    const competitors = Array.from({ length: 3 }, () => fork(RESERVE, range.map(String)));
    atEnd(() => competitors.forEach((one) => one.kill("SIGKILL")));
    const taken = (await Promise.all(competitors.map((one) => once(one, "message")))) as [number[]][];
    const ports = taken.flatMap(([each]) => each);
    expect(ports.length).toBeGreaterThan(10);
    expect(new Set(ports).size).toBe(ports.length);
    await expect(reservePorts(1, [range[0]!, range[1]!])).rejects.toThrow(/no 1 free ports/);
    const gone = competitors.map((one) => once(one, "exit"));
    competitors.forEach((one) => one.kill("SIGKILL"));
    await Promise.all(gone);
    expect(await reservePorts(1, [range[0]!, range[1]!])).toHaveLength(1);
  });

  it("that takes just the port that was chosen does not keep a server from its start", async () => {
    const chosen: number[] = [];
    const choose = async () => {
      const port = await reservePort();
      if (chosen.push(port) <= 2) await listen(port);
      return port;
    };
    const dataDir = temporaryDir();
    const server = await onOwnPort((port) => startRedis({ dataDir, port }), choose);
    expect([chosen.length, server.port]).toEqual([3, chosen[2]]);
    await server.stop();
  });
});

it("takes ports from below the system's own, from above them if there are more, from among them only if there are no others", () => {
  expect(portRange([32_768, 60_999])).toEqual([10_000, 32_768]);
  expect(portRange([1_024, 39_999])).toEqual([40_000, 65_536]);
  expect(portRange([1_024, 65_535])).toEqual([10_000, 65_536]);
});
