import type { Redis } from "ioredis";

/** Settings that Redis must have before an acknowledgement may rely on it (failures.md R1). */
const REQUIRED = {
  appendonly: "yes",
  appendfsync: "always",
  "no-appendfsync-on-rewrite": "no",
  "maxmemory-policy": "noeviction",
} as const;

export interface DurabilityProblem {
  setting: string;
  value: string;
  right: string;
}

/** One command, as Redis 7 supports it; an older Redis is asked for each setting. */
async function readSettings(redis: Redis, names: readonly string[]): Promise<string[]> {
  try {
    return (await redis.call("CONFIG", "GET", ...names)) as string[];
  } catch (error) {
    if (!/wrong number of arguments/i.test((error as Error).message)) throw error;
    const replies = await Promise.all(names.map((name) => redis.config("GET", name)));
    return replies.flat();
  }
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length >> 1 }, (_, at) => [flat[2 * at]!, flat[2 * at + 1]!]);
}

/** The settings that have a wrong value; one round trip. */
export async function checkSettings(redis: Redis): Promise<DurabilityProblem[]> {
  const required = Object.entries(REQUIRED);
  const found = new Map<string, string>();
  for (const [name, value] of pairsOf(await readSettings(redis, Object.keys(REQUIRED))))
    found.set(name, value);
  return required.flatMap(([setting, right]) => {
    const value = found.get(setting) ?? "unknown";
    return value === right ? [] : [{ setting, value, right }];
  });
}

/** Asks Redis for its settings and the state of its append-only file; an empty list means that it is durable. */
export async function checkDurability(redis: Redis): Promise<DurabilityProblem[]> {
  const problems = await checkSettings(redis);
  const persistence = await redis.info("persistence");
  const status = /^aof_last_write_status:(\S+)/m.exec(persistence)?.[1] ?? "unknown";
  if (status !== "ok") problems.push({ setting: "aof_last_write_status", value: status, right: "ok" });
  if (/^loading:1/m.test(persistence)) problems.push({ setting: "loading", value: "1", right: "0" });
  return problems;
}
