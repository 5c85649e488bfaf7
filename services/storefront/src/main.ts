import { createHttp, createMetrics, createProductClock, readSettings, runService } from "@quarterpast/runtime";
import { clockReader, ensureAccount, openStore } from "@quarterpast/store";
import { storefrontSettings } from "./settings.js";

runService({
  name: "storefront",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(storefrontSettings, env);
    const metrics = createMetrics("storefront");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-storefront",
      max: 16,
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    await ensureAccount(
      pool,
      { code: settings.ACCOUNT, marketplace: settings.MARKETPLACE, site: settings.MARKETPLACE_SITE },
      clock.now(),
    );
    const http = createHttp({
      logger,
      metrics,
      ready: { postgres: async () => void (await pool.query("SELECT 1")) },
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
