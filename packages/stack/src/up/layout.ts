import { join, resolve } from "node:path";

/** Ports of a stack, at fixed offsets from the base. */
export interface Ports {
  collector: number;
  api: number;
  storefront: number;
  sandbox: number;
  postgres: number;
  redis: number;
  aggregator: number;
  reporter: number;
}

/** The first of the eight ports by default. */
export const DEFAULT_PORT_BASE = 7410;
export const PORT_COUNT = 8;

/** The ports above a base. */
export function portsFrom(base: number): Ports {
  return {
    collector: base,
    api: base + 1,
    storefront: base + 2,
    sandbox: base + 3,
    postgres: base + 4,
    redis: base + 5,
    aggregator: base + 6,
    reporter: base + 7,
  };
}

/** The folders and files of a stack in its data directory; absolute. */
export interface Places {
  dir: string;
  lock: string;
  secrets: string;
  stack: string;
  processes: string;
  logs: string;
  postgres: string;
  redis: string;
  collector: string;
  sandbox: string;
  /** Exports of sealed hours, the public key, anchors. */
  proofs: string;
  sample: string;
}

/** The places of a data directory; `stackFile` is the name of the file that other commands look for. */
export function placesIn(dataDir: string, stackFile: string): Places {
  const dir = resolve(dataDir);
  return {
    dir,
    lock: join(dir, "up.lock"),
    secrets: join(dir, "secrets.json"),
    stack: join(dir, stackFile),
    processes: join(dir, "processes.json"),
    logs: join(dir, "logs"),
    postgres: join(dir, "postgres"),
    redis: join(dir, "redis"),
    collector: join(dir, "collector"),
    sandbox: join(dir, "sandbox"),
    proofs: join(dir, "proofs"),
    sample: join(dir, "sample"),
  };
}

/** An address on this machine. */
export function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}
