import { randomBytes, randomUUID } from "node:crypto";
import { followSecrets, readAccounts, storefrontOf, type DeclaredAccount } from "@quarterpast/marketplace";
import {
  createHttp,
  createLoop,
  createMetrics,
  createProductClock,
  readSettings,
  runService,
  type Clock,
  type Logger,
} from "@quarterpast/runtime";
import {
  clockReader,
  ensureAccount,
  forgetNonces,
  listAccounts,
  openStore,
  type Pool,
} from "@quarterpast/store";
import { createAccountStorefront } from "./account.js";
import { addAddress, callSeconds } from "./address.js";
import { isFirstOf } from "./calls/nonces.js";
import { createSeller } from "./hooks/seller.js";
import { createHookSender } from "./hooks/send.js";
import { readSellerSettings, storefrontSettings } from "./settings.js";
import { addSealedHours } from "./totals.js";

/** A loop without a finished pass for this long makes the service not ready. */
const STALLED_MS = 120_000;

runService({
  name: "storefront",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(storefrontSettings, env);
    const declared = readAccounts(env);
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
    const accounts = await openAccounts(declared, { pool, clock, logger });
    const loops = [
      createLoop({ name: "totals", everyMs: 2_000, run: () => addSealedHours(pool), logger }),
      createLoop({ name: "nonces", everyMs: 30_000, run: () => forgetNonces(pool, clock.real()), logger }),
    ];
    const parts = [...accounts.map(({ storefront }) => storefront), ...loops];
    const http = createHttp({
      logger,
      metrics,
      ready: {
        postgres: async () => void (await pool.query("SELECT 1")),
        progress: () =>
          Math.max(...parts.map((one) => one.msSinceSuccess())) < STALLED_MS
            ? undefined
            : "a loop makes no progress; see the log",
      },
    });
    const seconds = callSeconds(metrics);
    for (const { paths, storefront } of accounts)
      addAddress(http, paths, { ...storefront, clock, logger, seconds });
    for (const part of parts) part.start();
    await http.listen({ host: settings.HOST, port: settings.PORT });
    return {
      stop: async () => {
        await http.close();
        await Promise.all(parts.map((one) => one.stop()));
        await Promise.all(accounts.map((one) => one.close()));
        clock.stop();
        await pool.end();
      },
    };
  },
});

interface Common {
  pool: Pool;
  clock: Clock;
  logger: Logger;
}

/**
 * Opens the storefronts of the declared accounts, each at its own address; a marketplace's first account also has a
 * short one.
 */
async function openAccounts(declared: readonly DeclaredAccount[], common: Common) {
  const opened = [];
  for (const one of declared) opened.push(await openAccount(one, common));
  const known = await listAccounts(common.pool);
  return opened
    .filter((one) => one !== undefined)
    .map((one) => {
      const { marketplace, accountNo, code } = one.account;
      const first = known.find((other) => other.marketplace === marketplace);
      const short = first?.accountNo === accountNo ? [`/${marketplace}`] : [];
      return { ...one, paths: [`/${marketplace}/${encodeURIComponent(code)}`, ...short] };
    });
}

async function openAccount(declared: DeclaredAccount, { pool, clock, logger: common }: Common) {
  const logger = common.child({ account: declared.code });
  const secrets = followSecrets(declared, { logger });
  const { hook, frontEndUrl, lowBalancePercent } = readSellerSettings(declared.env);
  // Where records go binds the account too, but the storefront files none.
  const { code, marketplace, site, dayOffset } = declared;
  const account = await ensureAccount(pool, { code, marketplace, site, dayOffset }, clock.now());
  const { accountNo } = account;
  const sender = hook && createHookSender({ ...hook, now: () => clock.real() });
  const side = storefrontOf(declared, secrets.value, {
    real: () => clock.real(),
    letters,
    isFirst: isFirstOf(pool, accountNo),
    onError: (error, what) => logger.error({ err: error }, what),
  });
  if (!side) {
    logger.info("this marketplace sends nothing to the seller");
    return undefined;
  }
  const storefront = createAccountStorefront({
    ...{ pool, clock, logger, accountNo, side, lowBalancePercent },
    seller: createSeller({ pool, clock, accountNo, sender, id: randomUUID }),
    template: { frontEndUrl },
  });
  return {
    account,
    storefront,
    close: async () => {
      await side.close();
      secrets.stop();
    },
  };
}

/** Random letters and digits: those in a base64 text of twice the length. */
function letters(count: number): string {
  let text = "";
  while (text.length < count)
    text += randomBytes(count * 2)
      .toString("base64")
      .replace(/[^A-Za-z0-9]/g, "");
  return text.slice(0, count);
}
