import { randomBytes } from "node:crypto";
import { createLogger } from "@quarterpast/runtime";
import { createKey, liveKeys, readClock, setClock, type Pool } from "@quarterpast/store";
import type { Command } from "commander";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { note, print, printJson } from "../output.js";
import { ensureLedger, openDatabase } from "../up/database.js";
import { readUpSettings } from "../up/settings.js";

/** `quarterpast migrate`: prepares a database for services that are started by other means than `up`. */
export function register(program: Command): void {
  program
    .command("migrate")
    .summary(say({ en: "prepare the database of DATABASE_URL", zh: "初始化 DATABASE_URL 指定的数据库" }))
    .description(
      say({
        en: "Brings the database of DATABASE_URL to this version's schema and makes what is missing: the account, the clock (real time) and a first operator key, whose token is printed once. May run again at any time.",
        zh: "将 DATABASE_URL 指定的数据库升级到本版本的结构，并补建缺少的内容：账号、时钟（真实时间）和首个 operator 密钥（令牌只显示一次）。可随时重复运行。",
      }),
    )
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }))
    .action(async ({ json }: { json?: boolean }) => {
      const token = await prepare(process.env);
      if (json) printJson({ apiKey: token ?? null });
      else if (token !== undefined) print(token);
    });
}

/** Prepares the database; gives the token of the key it made, undefined where one was there. */
async function prepare(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const settings = readUpSettings(env);
  const { DATABASE_URL: databaseUrl } = settings;
  if (databaseUrl === undefined) {
    throw new CliError(EXIT.settings, {
      en: "DATABASE_URL is not set: give the database to prepare, e.g. postgres://user@host/quarterpast",
      zh: "未设置 DATABASE_URL：请给出要初始化的数据库，例如 postgres://user@host/quarterpast",
    });
  }
  const pool = await openDatabase(databaseUrl, createLogger({ service: "migrate", level: "silent" }));
  try {
    const { rows } = await pool.query<{ now: number }>("SELECT clock_timestamp() AS now");
    const now = rows[0]!.now;
    const { accountNo } = await ensureLedger(pool, settings, now);
    if (!(await readClock(pool))) await setClock(pool, { realAnchor: now, productAnchor: now, rate: 1 });
    const token = await ensureFirstKey(pool, accountNo, now);
    note({ en: "the database is ready", zh: "数据库已就绪" });
    return token;
  } finally {
    await pool.end();
  }
}

async function ensureFirstKey(pool: Pool, accountNo: number, now: number): Promise<string | undefined> {
  const keys = await liveKeys(pool);
  if (keys.some((key) => key.accountNo === accountNo && key.role === "operator")) return undefined;
  const keyId = randomBytes(4).toString("hex");
  const token = `qp_${keyId}_${randomBytes(24).toString("hex")}`;
  await createKey(pool, { keyId, accountNo, name: "quarterpast migrate", role: "operator", token }, now);
  note({
    en: "a first operator key was made: keep its token now, it is not shown again",
    zh: "已创建首个 operator 密钥：请立即保存令牌，之后不再显示",
  });
  return token;
}
