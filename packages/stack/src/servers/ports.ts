import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { StackError } from "../errors.js";

const HOST = "127.0.0.1";

/** Ports that may be reserved: from the first up to, not including, the second. */
export type PortRange = readonly [from: number, to: number];

/** Below it are the well-known ports and our own defaults. */
const LOWEST = 10_000;
const HIGHEST = 65_536;
const FEWEST = 1_000;
/** Where systems that do not say so begin to assign ephemeral ports: Linux 32768, others 49152. */
const GIVEN_FROM = 32_768;

/**
 * The wider of the two ranges outside the one from which the system itself assigns ports, to a server on port 0 and
 * to every outgoing connection: a port of the system's range may be taken between the choice and the bind. If the
 * system assigns nearly all ports, any.
 */
export function portRange(given = systemRange()): PortRange {
  const [first, last] = given;
  const below: PortRange = [LOWEST, Math.max(LOWEST, first)];
  const above: PortRange = [Math.max(LOWEST, last + 1), HIGHEST];
  const wider = sizeOf(below) >= sizeOf(above) ? below : above;
  return sizeOf(wider) >= FEWEST ? wider : [LOWEST, HIGHEST];
}

const sizeOf = ([from, to]: PortRange): number => to - from;

function systemRange(): readonly [first: number, last: number] {
  try {
    const [first, last] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
      .trim()
      .split(/\s+/)
      .map(Number);
    if (first! > 0 && last! >= first!) return [first!, last!];
  } catch {
    // Not Linux.
  }
  return [GIVEN_FROM, HIGHEST - 1];
}

const ATTEMPTS = 1_000;

/**
 * Reserves consecutive ports of 127.0.0.1, for servers that are to be started, killed and started again. A port stays
 * reserved until this process ends: it holds the UDP port with the same number, which no other user of this function
 * can take then, in whatever checkout, and which the system frees with the process, even if it is killed.
 * @throws Error if none are left.
 */
export async function reservePorts(count: number, [from, to] = portRange()): Promise<number[]> {
  for (let attempt = 0; attempt < ATTEMPTS && to - from >= count; attempt += 1) {
    const first = from + Math.floor(Math.random() * (to - from - count + 1));
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (await reserve(ports)) return ports;
  }
  throw new Error(`no ${count} free ports were found on ${HOST} from ${from} to ${to - 1}`);
}

/** One port, reserved like those of `reservePorts`. */
export async function reservePort(): Promise<number> {
  return (await reservePorts(1))[0]!;
}

async function reserve(ports: readonly number[]): Promise<boolean> {
  const guards: Socket[] = [];
  for (const port of ports) {
    const guard = await bindGuard(port);
    if (guard) guards.push(guard);
    if (guard && (await isPortFree(port))) continue;
    for (const held of guards) held.close();
    return false;
  }
  return true;
}

function bindGuard(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const guard = createSocket("udp4").unref();
    guard.once("error", () => resolve(undefined));
    guard.bind({ port, address: HOST, exclusive: true }, () => resolve(guard));
  });
}

/** Whether a server can listen on the port of 127.0.0.1 now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

const STARTS = 5;

/**
 * Starts a server on a reserved port; on another one if a program that reserves nothing took that first.
 * @param start fails with StackError `port_in_use` if the port is taken.
 */
export async function onOwnPort<T>(
  start: (port: number) => Promise<T>,
  reserveOne = reservePort,
): Promise<T> {
  for (let left = STARTS; ; left -= 1) {
    const port = await reserveOne();
    try {
      return await start(port);
    } catch (error) {
      const isTaken = error instanceof StackError && error.code === "port_in_use";
      if (!isTaken || left === 1) throw error;
    }
  }
}
