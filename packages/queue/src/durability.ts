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

/** Asks Redis for its settings and the state of its append-only file; an empty list means it may be trusted. */
export async function checkDurability(redis: Redis): Promise<DurabilityProblem[]> {
  const problems: DurabilityProblem[] = [];
  for (const [setting, right] of Object.entries(REQUIRED)) {
    const reply = await redis.config("GET", setting);
    const value = reply[1] ?? "unknown";
    if (value !== right) problems.push({ setting, value, right });
  }
  const persistence = await redis.info("persistence");
  const status = /^aof_last_write_status:(\S+)/m.exec(persistence)?.[1] ?? "unknown";
  if (status !== "ok") problems.push({ setting: "aof_last_write_status", value: status, right: "ok" });
  if (/^loading:1/m.test(persistence)) problems.push({ setting: "loading", value: "1", right: "0" });
  return problems;
}
