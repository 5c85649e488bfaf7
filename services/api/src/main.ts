import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { readAccounts } from "@quarterpast/marketplace";
import { createMetrics, createProductClock, readSettings, runService } from "@quarterpast/runtime";
import { clockReader, ensureAccount, openStore } from "@quarterpast/store";
import type { ApiAccount } from "./deps.js";
import { createApiServer } from "./server.js";
import { apiSettings } from "./settings.js";

runService({
  name: "api",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(apiSettings, env);
    const declared = readAccounts(env);
    const metrics = createMetrics("api");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-api",
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    const accounts: ApiAccount[] = [];
    for (const one of declared) {
      const account = await ensureAccount(pool, one, clock.now());
      accounts.push({ account, profile: one.profile });
    }
    const http = await createApiServer({
      pool,
      redisUrl: settings.REDIS_URL,
      queuePrefix: settings.QUEUE_PREFIX,
      accounts,
      addresses: {
        collector: settings.COLLECTOR_URL,
        api: settings.API_URL,
        storefront: settings.STOREFRONT_URL,
        sandbox: settings.SANDBOX_URL ?? null,
      },
      version: (createRequire(import.meta.url)("../package.json") as { version: string }).version,
      clock,
      logger,
      metrics,
      randomHex: (bytes) => randomBytes(bytes).toString("hex"),
    });
    await http.listen({ host: settings.HOST, port: settings.PORT });
    return {
      stop: async () => {
        await http.close();
        clock.stop();
        await pool.end();
      },
    };
  },
});
