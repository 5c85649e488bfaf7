import { randomBytes } from "node:crypto";
import { createLogger, type Text } from "@quarterpast/runtime";
import { createKey, liveKeys, readClock, setClock, type Pool } from "@quarterpast/store";
import { StackError } from "../errors.js";
import { ensureLedger, openDatabase } from "./database.js";
import { readUpSettings } from "./settings.js";

/**
 * Prepares the database of DATABASE_URL for services that are not started by `up`: schema, account, clock and a first
 * operator key. May run again at any time.
 * @param tell called with messages for a person.
 * @returns the token of the key it created, undefined if there was one.
 * @throws StackError
 */
export async function prepareDatabase(
  env: NodeJS.ProcessEnv,
  tell: (text: Text) => void,
): Promise<string | undefined> {
  const settings = readUpSettings(env);
  const { DATABASE_URL: databaseUrl } = settings;
  if (databaseUrl === undefined) {
    throw new StackError("settings", {
      en: "DATABASE_URL is not set: give the database to prepare, e.g. postgres://user@host/quarterpast",
      zh: "未设置 DATABASE_URL：请给出要初始化的数据库，例如 postgres://user@host/quarterpast",
    });
  }
  const pool = await openDatabase(databaseUrl, createLogger({ service: "migrate", level: "silent" }));
  try {
    const { rows } = await pool.query<{ now: number }>("SELECT clock_timestamp() AS now");
    const now = rows[0]!.now;
    await ensureLedger(pool, settings, now);
    if (!(await readClock(pool))) await setClock(pool, { realAnchor: now, productAnchor: now, rate: 1 });
    const token = await ensureFirstKey(pool, now, tell);
    tell({ en: "the database is ready", zh: "数据库已就绪" });
    return token;
  } finally {
    await pool.end();
  }
}

async function ensureFirstKey(
  pool: Pool,
  now: number,
  tell: (text: Text) => void,
): Promise<string | undefined> {
  const keys = await liveKeys(pool);
  if (keys.some((key) => key.role === "operator" && key.accounts === null)) return undefined;
  const keyId = randomBytes(4).toString("hex");
  const token = `qp_${keyId}_${randomBytes(24).toString("hex")}`;
  await createKey(pool, { keyId, name: "quarterpast migrate", role: "operator", token }, now);
  tell({
    en: "a first operator key was made: keep its token now, it is not shown again",
    zh: "已创建首个 operator 密钥：请立即保存令牌，之后不再显示",
  });
  return token;
}
