import { randomBytes, randomUUID } from "node:crypto";
import {
  createOrderQuery,
  KEY_SETTINGS,
  readKeyring,
  profileOf,
  readAccessKey,
  type OrderQuery,
} from "@quarterpast/marketplace";
import {
  createHttp,
  createMetrics,
  createProductClock,
  followSettings,
  readSettings,
  runService,
  SettingsError,
  type Clock,
} from "@quarterpast/runtime";
import { clockReader, ensureAccount, openStore } from "@quarterpast/store";
import type { z } from "zod";
import { createReads } from "./calls/reads.js";
import { createHookSender } from "./hooks/send.js";
import { storefrontSettings } from "./settings.js";
import { createStorefront } from "./storefront.js";

/** A loop that has not ended a pass for this long makes the service not ready. */
const STALLED_MS = 120_000;
/** Random letters and digits: of a base64 text twice as long, those that are. */
function letters(count: number): string {
  let text = "";
  while (text.length < count)
    text += randomBytes(count * 2)
      .toString("base64")
      .replace(/[^A-Za-z0-9]/g, "");
  return text.slice(0, count);
}

type Settings = z.output<typeof storefrontSettings>;

runService({
  name: "storefront",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(storefrontSettings, env);
    const keyring = followSettings(KEY_SETTINGS, env, readKeyring, { logger });
    const metrics = createMetrics("storefront");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-storefront",
      max: 8,
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    const declared = {
      code: settings.ACCOUNT,
      marketplace: settings.MARKETPLACE,
      site: settings.MARKETPLACE_SITE,
      settings: {},
    };
    const account = await ensureAccount(
      pool,
      { ...declared, dayOffset: profileOf(declared).windows.dayOffset },
      clock.now(),
    );
    const orderQuery = orderQueryOf(settings, clock);
    const storefront = createStorefront({
      ...{ pool, clock, logger, metrics, account, orderQuery, letters },
      id: randomUUID,
      reads: createReads({ pool, account, clock }),
      keys: keyring.value,
      hooks: hooksOf(settings, clock),
      template: { frontEndUrl: settings.FRONT_END_URL },
      options: optionsOf(settings),
    });
    const http = createHttp({
      logger,
      metrics,
      ready: {
        postgres: async () => void (await pool.query("SELECT 1")),
        progress: () =>
          storefront.msSinceSuccess() < STALLED_MS ? undefined : "a loop makes no progress; see the log",
      },
    });
    storefront.addRoutes(http);
    storefront.start();
    await http.listen({ host: settings.HOST, port: settings.PORT });
    return {
      stop: async () => {
        await http.close();
        await storefront.stop();
        await orderQuery?.close();
        clock.stop();
        keyring.stop();
        await pool.end();
      },
    };
  },
});

function orderQueryOf(
  { MARKETPLACE_SITE: site, ORDER_QUERY_URL: baseUrl, ORDER_AK: ak, ORDER_SK: sk }: Settings,
  clock: Clock,
): OrderQuery | undefined {
  const read = readAccessKey({ ORDER_AK: ak, ORDER_SK: sk });
  if (!read.ok) throw new SettingsError([read.problem]);
  return read.value && createOrderQuery({ ...{ site, baseUrl, ...read.value }, now: () => clock.real() });
}

function hooksOf({ SELLER_HOOK_URL: url, SELLER_HOOK_KEY: key }: Settings, clock: Clock) {
  if (url === undefined) return undefined;
  if (key !== undefined) return createHookSender({ url, key, now: () => clock.real() });
  const right = { en: "the key the hooks are signed with", zh: "回调签名密钥" };
  throw new SettingsError([{ name: "SELLER_HOOK_KEY", value: "", right }]);
}

function optionsOf(settings: Settings) {
  const types = { aes256: "1", aes128: "2", plain: undefined } as const;
  return {
    windowSeconds: { v1: settings.V1_WINDOW_SECONDS, v2: settings.SIGNATURE_WINDOW_SECONDS },
    signV2Answers: settings.SIGN_V2_ANSWERS,
    credentials: { v1: types[settings.V1_CREDENTIALS], v2: types[settings.V2_CREDENTIALS] },
    lowBalancePercent: settings.LOW_BALANCE_PERCENT,
  };
}
