import { randomBytes } from "node:crypto";
import { dropTemplates } from "@quarterpast/testkit";
import { acquireServers } from "@quarterpast/testkit/servers";

/** Starts the servers once per test run; workers find them by `testServers()`. */
export default async function setup(): Promise<() => Promise<void>> {
  process.env.QUARTERPAST_TEST_RUN = randomBytes(4).toString("hex");
  const servers = await acquireServers();
  process.env.TEST_DATABASE_URL = servers.databaseUrl;
  process.env.TEST_REDIS_URL = servers.redisUrl;
  process.stderr.write(`test servers: ${servers.source}\n`);
  return async () => {
    // Given servers outlive the run. Only here, because other tests of the run still copy its templates.
    await dropTemplates(servers.databaseUrl);
    await servers.stop();
  };
}
