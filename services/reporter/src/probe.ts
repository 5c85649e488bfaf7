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
 * Asks the marketplace whether it is reachable and accepts our key, and stores the answer for `doctor`. Submission
 * for an account is halted if the marketplace refuses our key; it resumes when a probe finds the key right.
 */
export async function probeMarketplace({ pool, clock, logger, client, account }: ProbeDeps): Promise<void> {
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
  if (probe.key !== "right" || !(await readAccount(pool, accountNo))?.haltedCode) return;
  await haltAccount(pool, accountNo, null, clock.now());
  logger.info({ account: code }, "the marketplace accepts our key again; submission resumes");
}
