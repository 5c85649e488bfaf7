import type { Redis } from "ioredis";

/** What Redis must be set to before an acknowledgement may rest on it (failures.md, R1). */
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

/** The settings that are not as they must be; one round trip. */
export async function checkSettings(redis: Redis): Promise<DurabilityProblem[]> {
  const required = Object.entries(REQUIRED);
  const replies = await Promise.all(required.map(([setting]) => redis.config("GET", setting)));
  return required.flatMap(([setting, right], at) => {
    const value = replies[at]![1] ?? "unknown";
    return value === right ? [] : [{ setting, value, right }];
  });
}

/** Asks Redis for its settings and the state of its append-only file; an empty list means it may be trusted. */
export async function checkDurability(redis: Redis): Promise<DurabilityProblem[]> {
  const problems = await checkSettings(redis);
  const persistence = await redis.info("persistence");
  const status = /^aof_last_write_status:(\S+)/m.exec(persistence)?.[1] ?? "unknown";
  if (status !== "ok") problems.push({ setting: "aof_last_write_status", value: status, right: "ok" });
  if (/^loading:1/m.test(persistence)) problems.push({ setting: "loading", value: "1", right: "0" });
  return problems;
}
