import { hourOf, type Micros } from "@quarterpast/domain";
import type { Logger } from "@quarterpast/runtime";
import { checkSchema, createPool, ensureAccount, ensureShards, migrate, type Pool } from "@quarterpast/store";
import { StackError } from "../errors.js";
import { refusalOf, type UpSettings } from "./settings.js";

/**
 * Connects to the database and brings it to this version's schema.
 * @throws StackError `unavailable` if it does not answer, `data_dir` if a newer version created it.
 */
export async function openDatabase(databaseUrl: string, logger: Logger): Promise<Pool> {
  const pool = createPool({
    databaseUrl,
    max: 3,
    applicationName: "quarterpast-up",
    onError: (error) => logger.warn({ err: error }, "postgres"),
  });
  try {
    await pool.query("SELECT 1").catch((error: Error) => {
      throw unreachable(databaseUrl, error);
    });
    const schema = await checkSchema(pool);
    if (!schema.ok && schema.problem === "newer") throw newerSchema(schema.names);
    if (!schema.ok) await migrate(databaseUrl, (line) => logger.info(line));
    return pool;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/**
 * Makes the accounts and the seller's shards where they are missing; hours before that of `start` count as sealed.
 * @throws StackError `settings` where an account with records is declared for another marketplace or site
 */
export async function ensureLedger(
  pool: Pool,
  { accounts }: Pick<UpSettings, "accounts">,
  start: Micros,
): Promise<void> {
  for (const { code, marketplace, site, dayOffset } of accounts) {
    // Where records go is for those to say who file them.
    await ensureAccount(pool, { code, marketplace, site, dayOffset }, start).catch((error: unknown) => {
      throw refusalOf(error);
    });
  }
  await ensureShards(pool, hourOf(start));
}

function unreachable(databaseUrl: string, error: Error): StackError {
  const { host } = new URL(databaseUrl);
  const why = (error as { code?: string }).code ?? error.message;
  return new StackError(
    "unavailable",
    {
      en: `Postgres at ${host} cannot be used (${why}: ${error.message}): check DATABASE_URL`,
      zh: `无法使用 ${host} 上的 Postgres（${why}：${error.message}）：请检查 DATABASE_URL`,
    },
    error,
  );
}

function newerSchema(names: readonly string[]): StackError {
  return new StackError("data_dir", {
    en: `a newer version made this database (${names.join(", ")}): use that version, or choose another --data-dir`,
    zh: `此数据库由更新的版本创建（${names.join("、")}）：请使用该版本，或用 --data-dir 换一个目录`,
  });
}
