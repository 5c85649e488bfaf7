import type { RouteDeps } from "../deps.js";
import { overdueCases, troubledRecords } from "./cases.js";
import { run, type Checked } from "./check.js";
import { account, collectors, freezing, quarantine, sealing, submissions } from "./flow.js";
import { examineMarketplace } from "./marketplace.js";
import { clock, postgres, postgresDurability, queue, redisDurability, schema } from "./servers.js";

const OF_POSTGRES = [postgresDurability, schema, clock];
const OF_REDIS = [redisDurability, queue];
const OF_THE_FLOW = [
  collectors,
  sealing,
  freezing,
  submissions,
  account,
  quarantine,
  troubledRecords,
  overdueCases,
];

/**
 * Runs all checks. If Postgres is unreachable, the checks that read from it are skipped: they could only repeat that.
 */
export async function examine(deps: RouteDeps): Promise<Checked[]> {
  const database = await run(postgres, deps);
  const runAll = (checks: typeof OF_REDIS) => Promise.all(checks.map((check) => run(check, deps)));
  const [ofPostgres, ofRedis, ofFlow, ofMarketplace] = await Promise.all([
    database.ok ? runAll(OF_POSTGRES) : [],
    runAll(OF_REDIS),
    database.ok ? runAll(OF_THE_FLOW) : [],
    database.ok ? examineMarketplace(deps) : [],
  ]);
  return [database, ...ofPostgres, ...ofRedis, ...ofFlow, ...ofMarketplace];
}
