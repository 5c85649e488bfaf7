import { HOUR, hourOf, MINUTE } from "@quarterpast/domain";
import { createTestRedisPrefix, testServers } from "@quarterpast/testkit";
import { startTestPostgres, startTestRedis } from "@quarterpast/testkit/servers";
import { ensureShards, haltAccount, keepCases, registerCollector } from "@quarterpast/store";
import { beforeAll, describe, expect, it, onTestFinished, test } from "vitest";
import { createProber } from "../src/doctor/redis.js";
import { addRecord, clock, startApi, type TestApi } from "./kit.js";

interface Check {
  name: string;
  ok: boolean;
  found: { en: string; zh: string };
  advice: { en: string; zh: string } | null;
}

async function doctorOf(api: TestApi): Promise<{ ok: boolean; checks: Map<string, Check> }> {
  const { status, json } = await api.get("/v1/doctor", { as: "auditor" });
  expect(status).toBe(200);
  const checks = new Map<string, Check>(json.checks.map((check: Check) => [check.name, check]));
  for (const { ok, found, advice } of checks.values()) {
    expect(found.en).not.toBe("");
    expect(found.zh).not.toBe("");
    expect(advice === null).toBe(ok);
  }
  return { ok: json.ok, checks };
}

async function start(options?: Parameters<typeof startApi>[0]): Promise<TestApi> {
  const api = await startApi(options);
  onTestFinished(() => api.end());
  return api;
}

const failing = (checks: Map<string, Check>) =>
  [...checks.values()].filter((check) => !check.ok).map(({ name }) => name);

/** Makes collector and reporter look as in a running stack. */
async function run(api: TestApi): Promise<void> {
  await ensureShards(api.pool, hourOf(clock.now()));
  await registerCollector(api.pool, "c1", clock.now(), clock.real());
  await api.probe();
}

// The tests' own server is not durable, and doctor would say so.
beforeAll(async () => {
  const before = process.env.TEST_DATABASE_URL;
  const postgres = await startTestPostgres();
  process.env.TEST_DATABASE_URL = postgres.url;
  return async () => {
    process.env.TEST_DATABASE_URL = before;
    await postgres.stop();
  };
});

test("Redis answers who asks before the connection stands", async () => {
  const prober = createProber(testServers().redisUrl, createTestRedisPrefix());
  onTestFinished(() => prober.close());
  expect(await prober.queue()).toEqual({ waiting: 0, delayed: 0, failed: 0 });
});

describe("doctor", () => {
  it("finds a running stack well, a stopped one not", async () => {
    const api = await start();
    const stopped = await doctorOf(api);
    expect(failing(stopped.checks)).toEqual(["collectors", "sealing", "marketplace"]);
    await run(api);
    const { ok, checks } = await doctorOf(api);
    expect({ ok, failing: failing(checks) }).toEqual({ ok: true, failing: [] });
    expect([...checks.keys()]).toEqual([
      "postgres",
      "postgres_durability",
      "schema",
      "clock",
      "redis",
      "queue",
      "collectors",
      "sealing",
      "freezing",
      "quarantine",
      "seller_cases",
      "submissions",
      "account",
      "records",
      "cases",
      "marketplace",
      "clock_skew",
    ]);
  });

  it("finds what hangs in the flow", async () => {
    const api = await start();
    await ensureShards(api.pool, hourOf(clock.now()) - 3 * HOUR);
    await registerCollector(api.pool, "c1", clock.now() - HOUR, clock.real() - MINUTE);
    await api.probe();
    await haltAccount(api.pool, api.account.accountNo, "MKT.0103", clock.now());
    await api.pool.query(
      `INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
       VALUES (1, gen_random_uuid(), 'unknown_meter', 'acme', 'gpu', now())`,
    );
    await api.pool.query(
      `INSERT INTO hours (hour, shard, status, sealed_at) VALUES (date_trunc('hour', now()) - interval '4 h', 0, 'complete', now() - interval '3 h')`,
    );
    await api.pool.query(
      `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, next_at, created_at)
       VALUES ($1, 0, 1, 5, 'unknown', now() - interval '1 h', now() + interval '20 d', now(), now())`,
      [api.account.accountNo],
    );
    const { ok, checks } = await doctorOf(api);
    expect({ ok, failing: failing(checks) }).toEqual({
      ok: false,
      failing: ["collectors", "sealing", "freezing", "quarantine", "submissions", "account"],
    });
    expect(checks.get("collectors")!.found.en).toContain("silent: c1");
    expect(checks.get("submissions")!.found.en).toContain(
      "5 records in 1 calls; the first window closed 60 min",
    );
    expect(checks.get("account")!.found.en).toContain("MKT.0103");
    expect(checks.get("quarantine")!.found.en).toContain("acme gpu: 1, no such meter");
  });

  it("warns of owed records before their window closes: in its last three minutes", async () => {
    const api = await start();
    await run(api);
    await api.pool.query(
      `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, next_at, created_at)
       VALUES ($1, 0, 1, 5, 'frozen', now() + interval '5 min', now() + interval '20 d', now(), now())`,
      [api.account.accountNo],
    );
    expect(failing((await doctorOf(api)).checks)).toEqual([]);
    await api.pool.query("UPDATE submissions SET deadline = now() + interval '150 s'");
    const { checks } = await doctorOf(api);
    expect(failing(checks)).toEqual(["submissions"]);
    expect(checks.get("submissions")!.found.en).toMatch(/the first window closes in [23] min/);
  });

  it("gives each reason to wait its own advice, and shows records that did not get through and what is overdue", async () => {
    const api = await start();
    await run(api);
    const wait = (reason: string) =>
      api.pool.query(
        `INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
         VALUES (1, gen_random_uuid(), $1, 'acme', 'gpu', now())`,
        [reason],
      );
    await wait("scale_exceeded");
    const one = await doctorOf(api);
    expect(failing(one.checks)).toEqual(["quarantine"]);
    expect(one.checks.get("quarantine")!.advice!.en).toMatch(/^let the meter have more decimals/);
    await wait("value_missing");
    const { sn } = await addRecord(api, { instanceId: "i-1", state: "expired" });
    await keepCases(api.pool, api.account.accountNo, clock.now());
    const two = await doctorOf(api);
    expect(failing(two.checks)).toEqual(["quarantine", "records"]);
    expect(two.checks.get("quarantine")!.advice!.zh).toContain("value_missing: ");
    expect(two.checks.get("records")!.found.en).toBe("record_expired 1");
    expect(two.checks.get("records")!.advice!.en).toContain("write-off");
    expect(two.checks.get("cases")!.found.en).toContain("0 overdue, 1 without an owner");
    await api.pool.query("UPDATE cases SET due_at = now() - interval '1 hour' WHERE ref = $1", [sn]);
    expect(failing((await doctorOf(api)).checks)).toEqual(["quarantine", "records", "cases"]);
  });

  it("finds a wrong marketplace key, a marketplace that is away, and a Redis that forgets", async () => {
    const redis = await startTestRedis({ config: { appendfsync: "everysec" } });
    onTestFinished(() => redis.stop());
    const api = await start({ marketplaceKey: "another-key", redisUrl: redis.url });
    await run(api);
    const wrongKey = await doctorOf(api);
    expect(failing(wrongKey.checks)).toEqual(["redis", "marketplace"]);
    expect(wrongKey.checks.get("marketplace")!.found.en).toContain("refuses our key");
    expect(wrongKey.checks.get("redis")!.advice!.en).toContain("appendfsync always");

    await api.sandbox.close();
    await api.probe();
    await redis.kill();
    const away = await doctorOf(api);
    expect(failing(away.checks)).toEqual(["redis", "queue", "marketplace"]);
    expect(away.checks.get("marketplace")!.found.en).toContain("does not answer");
  });

  it("says since when no reporter has asked the marketplace, for it has no key to ask with", async () => {
    const api = await start();
    const never = await doctorOf(api);
    expect(never.checks.get("marketplace")!.found.en).toBe("no reporter has asked the marketplace yet");
    await run(api);
    expect(failing((await doctorOf(api)).checks)).toEqual([]);
    await api.pool.query("UPDATE account_probes SET probed_at = probed_at - interval '10 min'");
    const { checks } = await doctorOf(api);
    expect(failing(checks)).toEqual(["marketplace"]);
    expect(checks.get("marketplace")!.found.en).toBe("no reporter has asked the marketplace for 10 min");
  });

  it("finds tables that were taken away", async () => {
    const api = await start();
    await run(api);
    await api.pool.query("ALTER TABLE migrations RENAME TO gone");
    const { checks } = await doctorOf(api);
    expect(failing(checks)).toEqual(["schema"]);
  });
});
