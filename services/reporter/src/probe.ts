import type { MarketplaceClient } from "@quarterpast/marketplace";
import { faultPoint, type Clock, type Logger } from "@quarterpast/runtime";
import { haltAccount, keepProbe, readAccount, type Account, type Pool } from "@quarterpast/store";

export interface ProbeDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  client: MarketplaceClient;
  account: Account;
}

/**
 * Asks the marketplace whether it is there and takes our key, and keeps the answer for `doctor`. Sending for an account
 * stops if the marketplace refuses our key; it goes on when a probe finds the key right.
 * @returns whether sending goes on by that
 */
export async function probeMarketplace({
  pool,
  clock,
  logger,
  client,
  account,
}: ProbeDeps): Promise<boolean> {
  const { accountNo, code } = account;
  const probe = await client.probe();
  await faultPoint("reporter.beforeHaltCheck");
  await keepProbe(pool, accountNo, {
    probedAt: clock.real(),
    host: probe.evidence.host,
    reachable: probe.reachable,
    key: probe.key,
    code: probe.code,
    dateOffsetMs: probe.evidence.serverDateOffsetMs ?? null,
  });
  if (probe.key !== "right" || !(await readAccount(pool, accountNo))?.haltedCode) return false;
  await haltAccount(pool, accountNo, null, clock.now());
  logger.info({ account: code }, "the marketplace accepts our key again; submission resumes");
  return true;
}
