import { randomUUID } from "node:crypto";
import { HOUR, MINUTE, SECOND, type Micros } from "@quarterpast/domain";
import {
  clientOf,
  profileOf,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { addInstance, ensureAccount, setHourSlots, type Account } from "@quarterpast/store";
import { batchOf, H, openLedger, usage, type Ledger } from "@quarterpast/testkit";
import { registerMadeUp, startMadeUpServer, type MadeUpServer } from "@quarterpast/testkit/madeUp";
import { countBatch } from "../../aggregator/src/count.js";
import { createBreaker } from "../src/breaker.js";
import { freezeRecords } from "../src/freeze.js";
import { sealDueHours } from "../src/seal.js";
import { submitNext } from "../src/submit.js";

registerMadeUp();

/** A ledger with an account of the made-up marketplace, which takes an hour of an instance once, and its server. */
export interface SlotBench {
  ledger: Ledger;
  market: MadeUpServer;
  clock: FixedClock;
  account: Account;
  profile: MarketplaceProfile;
  deps(): Parameters<typeof submitNext>[0] & Parameters<typeof freezeRecords>[0];
  /** Adds an instance, in shard 0. */
  instance(id: string, life?: { opened?: Micros; closed?: Micros }): Promise<void>;
  /** Usage of an instance in the n-th hour. */
  used(id: string, quantity: string, hour?: number): Promise<void>;
  /** Seals the hours up to the n-th and makes their records. */
  freeze(hour: number): Promise<void>;
  /** Sends what is due, until nothing more is. */
  submit(): Promise<void>;
  end(failed: boolean): Promise<void>;
}

export async function openSlotBench({ zero = false } = {}): Promise<SlotBench> {
  const logger = createLogger({ service: "test", level: "silent" });
  const ledger = await openLedger();
  const market = await startMadeUpServer("key");
  const clock = fixedClock(H, Date.now() * 1_000);
  const declared = {
    ...{ code: "made-up", marketplace: "madeup", site: "main" },
    settings: { MADE_UP_URL: market.url, ...(zero && { MADE_UP_ZERO: "on" }) },
  };
  const profile = profileOf(declared);
  const account = await ensureAccount(ledger.pool, { ...declared, dayOffset: 0 }, clock.now());
  await setHourSlots(ledger.pool, account.accountNo, true);
  const client: MarketplaceClient = clientOf(declared, () => "key", { now: Date.now, nonce: randomUUID });
  await ledger.meter("tokens", "sum");
  let events = 0;
  const deps = () => ({
    ...{ pool: ledger.pool, clock, logger, profile, client, account, recordsPerCall: 25 },
    random: () => 0,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: () => Promise.resolve(),
    onSettled: () => {},
  });
  return {
    ...{ ledger, market, clock, account, profile, deps },
    async instance(id, { opened = H - 24 * HOUR, closed } = {}) {
      const { accountNo } = account;
      const named = {
        accountNo,
        instanceId: id,
        product: "product",
        meter: "tokens",
        subject: `customer-${id}`,
      };
      await addInstance(ledger.pool, { ...named, opened }, H);
      await ledger.rows(
        "UPDATE instances SET shard = 0, closed = to_timestamp($2::float8) WHERE instance_id = $1",
        [...[id, closed === undefined ? null : closed / 1e6]],
      );
    },
    async used(id, quantity, hour = 0) {
      events += 1;
      const time = H + hour * HOUR + MINUTE;
      const event = usage({ id: `e-${events}`, subject: `customer-${id}`, time, quantity });
      await countBatch({ pool: ledger.pool, now: () => clock.now() }, batchOf([event]));
    },
    async freeze(hour) {
      clock.set(H + (hour + 1) * HOUR + 9 * MINUTE);
      while (await sealDueHours({ pool: ledger.pool, clock, logger }));
      while (await freezeRecords(deps()));
    },
    async submit() {
      for (let quiet = 0; quiet < 2;) {
        quiet = (await submitNext(deps())) ? 0 : quiet + 1;
        clock.advance(10 * SECOND);
      }
    },
    async end(failed) {
      await client.close();
      await market.close();
      await ledger.end(failed);
    },
  };
}
