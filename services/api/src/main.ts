import { randomBytes, randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import {
  createMarketplace,
  keySource,
  KEY_SETTINGS,
  MarketplaceSettingError,
  PUSH_SETTINGS,
  readKeyring,
  readPush,
  type KeySource,
  type PushChoice,
} from "@quarterpast/marketplace";
import {
  createMetrics,
  createProductClock,
  followSettings,
  readSettings,
  runService,
  SettingsError,
} from "@quarterpast/runtime";
import { clockReader, ensureAccount, openStore } from "@quarterpast/store";
import type { z } from "zod";
import { createApiServer } from "./server.js";
import { apiSettings } from "./settings.js";

type Settings = z.output<typeof apiSettings>;

runService({
  name: "api",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(apiSettings, env);
    const keyring = followSettings(KEY_SETTINGS, env, readKeyring, { logger });
    const push = followSettings(PUSH_SETTINGS, env, readPush, { logger });
    const adapter = openMarketplace(settings, keySource(keyring.value), push.value);
    const metrics = createMetrics("api");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-api",
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    const { ACCOUNT: code, MARKETPLACE: marketplace, MARKETPLACE_SITE: site } = settings;
    const http = await createApiServer({
      pool,
      redisUrl: settings.REDIS_URL,
      queuePrefix: settings.QUEUE_PREFIX,
      account: await ensureAccount(pool, { code, marketplace, site }, clock.now()),
      adapter,
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
        keyring.stop();
        push.stop();
        await Promise.all([adapter.close(), pool.end()]);
      },
    };
  },
});

function openMarketplace(settings: Settings, key: KeySource, choice: () => PushChoice) {
  try {
    return createMarketplace({
      marketplace: settings.MARKETPLACE,
      site: settings.MARKETPLACE_SITE,
      key,
      push: choice().push,
      accessKey: () => choice().accessKey,
      baseUrl: settings.MARKETPLACE_URL,
      now: () => Date.now(),
      nonce: () => randomUUID(),
    });
  } catch (error) {
    if (!(error instanceof MarketplaceSettingError)) throw error;
    const name = error.setting === "baseUrl" ? "MARKETPLACE_URL" : "MARKETPLACE_SITE";
    throw new SettingsError([{ name, value: error.value, right: error.right }]);
  }
}
