import type { RouteDeps } from "../deps.js";
import { overdueCases, sellerCases, troubledRecords } from "./cases.js";
import { run, type Check, type Checked, type SellerDeps } from "./check.js";
import { account, collectors, freezing, quarantine, sealing, submissions } from "./flow.js";
import { marketplaceChecks } from "./marketplace.js";
import { clock, postgres, postgresDurability, queue, redisDurability, schema } from "./servers.js";

const OF_POSTGRES = [postgresDurability, schema, clock];
const OF_REDIS = [redisDurability, queue];
const OF_THE_FLOW = [collectors, sealing, freezing, quarantine];
const OF_AN_ACCOUNT: readonly Check[] = [submissions, account, troubledRecords, overdueCases];

/**
 * Looks at everything: the servers and the seller's flow once, and each account. If Postgres is away, what is read from it
 * is left out: it could only say so again.
 */
export async function examine(seller: SellerDeps, accounts: readonly RouteDeps[]): Promise<Checked[]> {
  const database = await run(postgres, seller);
  const runAll = (checks: readonly Check<SellerDeps>[]) =>
    Promise.all(checks.map((check) => run(check, seller)));
  const [ofPostgres, ofRedis, ofFlow, ...ofAccounts] = await Promise.all([
    database.ok ? runAll(OF_POSTGRES) : [],
    runAll(OF_REDIS),
    database.ok ? runAll(seller.limitedTo === null ? [...OF_THE_FLOW, sellerCases] : OF_THE_FLOW) : [],
    ...(database.ok ? accounts.map(examineAccount) : []),
  ]);
  return [database, ...ofPostgres, ...ofRedis, ...ofFlow, ...ofAccounts.flat()];
}

const examineAccount = (deps: RouteDeps): Promise<Checked[]> =>
  Promise.all(
    [...OF_AN_ACCOUNT, ...marketplaceChecks(deps)].map((check) => run(check, deps, deps.account.code)),
  );
