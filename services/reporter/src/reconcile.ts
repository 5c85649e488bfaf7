import { DAY, dayOf, HOUR, hourOf, SECOND } from "@quarterpast/domain";
import {
  versionsNamedBySlot,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import { type Clock, faultPoint, type Logger } from "@quarterpast/runtime";
import { takeDayStatement, takeStatement, unsettledRange, type Account, type Pool } from "@quarterpast/store";

export interface ReconcileDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  profile: MarketplaceProfile;
  client: MarketplaceClient;
  account: Account;
}

/**
 * Asks the marketplace, if it can be asked, for the state of accepted records whose window is over, and of those that
 * wait for its answer.
 * @returns whether a statement was taken: it may make calls due
 */
export async function reconcileAccepted({
  pool,
  clock,
  logger,
  profile,
  client,
  account,
}: ReconcileDeps): Promise<boolean> {
  if (!client.statement) return false;
  const askedAt = clock.now();
  const unsettled = await unsettledRange(pool, account.accountNo, askedAt);
  if (!unsettled) return false;
  // Whole hours, or days, because a record that is not ours shows only if we look beyond our own.
  const isByDay = profile.statements.grain === "day";
  const range = isByDay
    ? { from: dayOf(account, unsettled.from), to: dayOf(account, unsettled.to - SECOND) + DAY }
    : { from: hourOf(unsettled.from), to: hourOf(unsettled.to) + HOUR };
  await faultPoint("reporter.beforeStatement");
  const { lines, complete, problems } = await client.statement(range.from, range.to);
  if (problems.length > 0)
    logger.warn(
      { problems: problems.slice(0, 5) },
      "the marketplace's statement has lines that cannot be read",
    );
  const { accountNo } = account;
  await faultPoint("reporter.beforeReconcile");
  const { duplicateCodes } = profile;
  const namedBySlot = versionsNamedBySlot(profile);
  const statement = {
    accountNo,
    source: "api",
    complete,
    askedAt,
    range,
    lines,
    duplicateCodes,
    namedBySlot,
  };
  const found = await (isByDay ? takeDayStatement : takeStatement)(pool, statement, clock.now());
  await faultPoint("reporter.afterReconcile");
  const differs = found.abnormal + found.different + found.missing + found.extra > 0;
  logger[differs ? "warn" : "debug"](found, "statement reconciled");
  return true;
}
