import { randomUUID } from "node:crypto";
import { HOUR, MINUTE } from "@quarterpast/domain";
import {
  clientOf,
  profileOf,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { addInstance, ensureAccount, type Account } from "@quarterpast/store";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { registerMadeUp, startMadeUpServer, type MadeUpServer } from "@quarterpast/testkit/madeUp";
import { createBreaker } from "../src/breaker.js";
import { freezeRecords } from "../src/freeze.js";
import { sealDueHours } from "../src/seal.js";
import { submitNext, type SubmitDeps } from "../src/submit.js";

registerMadeUp();

const logger = createLogger({ service: "test", level: "silent" });

/** A ledger with an account of the made-up marketplace, which listens. */
export interface MadeUpShop {
  ledger: Ledger;
  market: MadeUpServer;
  clock: FixedClock;
  account: Account;
  profile: MarketplaceProfile;
  client: MarketplaceClient;
  deps(): SubmitDeps & { account: Account; recordsPerCall: number };
  /** An instance of the account with usage in an hour; an instance that is there already only gets the usage. */
  used(instance: string, quantity: string, hour?: number): Promise<void>;
  /** Seals and freezes the hours before an instant's. */
  freeze(at?: number): Promise<void>;
  /** Sends until nothing is due. @returns how many calls */
  submitAll(): Promise<number>;
  end(failed: boolean): Promise<void>;
}

/** Opens a shop at one of the made-up marketplace's sites. */
export async function openMadeUp(site: "main" | "careless"): Promise<MadeUpShop> {
  const ledger = await openLedger();
  const market = await startMadeUpServer("key");
  const clock = fixedClock(H, Date.now() * 1_000);
  const declared = {
    ...{ code: "made-up", marketplace: "madeup", site },
    settings: { MADE_UP_URL: market.url },
  };
  const profile = profileOf(declared);
  market.tells = profile.tells;
  const account = await ensureAccount(ledger.pool, { ...declared, dayOffset: 0 }, clock.now());
  const client = clientOf(declared, () => "key", { now: Date.now, nonce: randomUUID });
  await ledger.meter("tokens", "sum");
  const deps = () => ({
    ...{ pool: ledger.pool, clock, logger, profile, client, account, recordsPerCall: 25 },
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  });
  return {
    ...{ ledger, market, clock, account, profile, client, deps },
    async used(instance, quantity, hour = H) {
      const known = await ledger.rows("SELECT 1 FROM instances WHERE instance_id = $1", [instance]);
      if (known.length === 0) {
        const life = { meter: "tokens", subject: `customer-${instance}`, opened: H - 24 * HOUR };
        const { accountNo } = account;
        await addInstance(ledger.pool, { accountNo, instanceId: instance, product: "product", ...life }, H);
        await ledger.rows("UPDATE instances SET shard = 0 WHERE instance_id = $1", [instance]);
      }
      await ledger.rows(
        `INSERT INTO hour_usage SELECT shard, to_timestamp($3::float8), instance_no, to_timestamp($3::float8), $2::numeric, 1
         FROM instances WHERE instance_id = $1`,
        [instance, quantity, hour / 1e6],
      );
    },
    async freeze(at = H + HOUR + 9 * MINUTE) {
      clock.set(at);
      while (await sealDueHours({ pool: ledger.pool, clock, logger }));
      while (await freezeRecords(deps()));
    },
    async submitAll() {
      let calls = 0;
      while (await submitNext(deps())) calls += 1;
      return calls;
    },
    async end(failed) {
      await client.close();
      await market.close();
      await ledger.end(failed);
    },
  };
}
