import { randomBytes } from "node:crypto";

/** A prefix for the keys of one test (BullMQ's `prefix`), hash-tagged as required by Redis Cluster. */
export function createTestRedisPrefix(): string {
  return `{qp-test-${randomBytes(6).toString("hex")}}`;
}

/**
 * The servers of this test run, started by `test/globalSetup.ts`.
 * @throws Error outside of such a run.
 */
export function testServers(env: NodeJS.ProcessEnv = process.env): { databaseUrl: string; redisUrl: string } {
  const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = env;
  if (!databaseUrl || !redisUrl)
    throw new Error("no test servers: run the tests with vitest from the repository root");
  return { databaseUrl, redisUrl };
}
