import { faultPoint, type Clock, type Logger } from "@quarterpast/runtime";
import { keepCases, valueFindings, type Account, type Pool } from "@quarterpast/store";

export interface CasesDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  account: Account;
}

/** Opens cases for what is of no single account and so waits for the seller, and ends those that settled themselves. */
export async function watchSellerCases({ pool, clock, logger }: Omit<CasesDeps, "account">): Promise<void> {
  await faultPoint("reporter.beforeSellerCases");
  const { opened } = await keepCases(pool, null, clock.now());
  if (opened > 0) logger.warn({ opened }, "cases of the seller opened: somebody has to settle them");
}

/** Opens cases for what a person has to settle, ends those that settled themselves, and values differences. */
export async function watchCases({ pool, clock, logger, account }: CasesDeps): Promise<void> {
  const now = clock.now();
  await faultPoint("reporter.beforeCases");
  const { opened, settled } = await keepCases(pool, account.accountNo, now);
  if (opened > 0) logger.warn({ opened }, "cases opened: a person has to settle them");
  if (settled > 0) logger.info({ settled }, "cases settled automatically");
  while ((await valueFindings(pool, account.accountNo, now)) > 0);
}
