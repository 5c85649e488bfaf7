import { Redis } from "ioredis";
import type pg from "pg";
import type { Findings } from "./findings.js";
import { readJournal, type AuditConfig, type Truth } from "./input.js";

/**
 * I14 and I17: nothing is left in the queue, each journal entry has its receipt, and each acknowledged event an
 * entry.
 */
export async function auditTransport(
  db: pg.Client,
  { redisUrl, queuePrefix, journals }: AuditConfig,
  truth: Truth,
  findings: Findings,
): Promise<void> {
  await auditQueue(redisUrl, queuePrefix, findings);
  const { rows } = await db.query<{ entry: string }>(
    "SELECT collector_no || ' ' || seq AS entry FROM receipts",
  );
  const receipts = new Set(rows.map(({ entry }) => entry));
  const kept = new Set<string>();
  for (const dir of journals) {
    for (const { collector, seq, identities } of readJournal(dir, (detail) =>
      findings.found("I14", detail),
    )) {
      if (!receipts.has(`${collector} ${seq}`))
        findings.found("I14", `entry ${seq} of collector ${collector} has no receipt`);
      for (const identity of identities) kept.add(identity);
    }
  }
  for (const [identity, payloads] of truth) {
    if (kept.has(identity) || !payloads.some(({ acked }) => acked)) continue;
    findings.found("I17", `${identity.replace("\0", " ")} was acknowledged and is in no journal`);
  }
}

async function auditQueue(redisUrl: string, prefix: string, findings: Findings): Promise<void> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 2 });
  redis.on("error", () => {});
  try {
    const key = (name: string) => `${prefix}:usage:${name}`;
    const counts = {
      wait: await redis.llen(key("wait")),
      active: await redis.llen(key("active")),
      delayed: await redis.zcard(key("delayed")),
      failed: await redis.zcard(key("failed")),
      orphans: (await redis.keys(`${key("")}[0-9]*-[0-9]*`)).filter((name) => !name.includes(":lock")).length,
    };
    for (const [name, count] of Object.entries(counts)) {
      if (count > 0) findings.found("I14", `${count} jobs in ${name}`);
    }
  } finally {
    redis.disconnect();
  }
}
