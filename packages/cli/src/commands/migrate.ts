import type { Command } from "commander";
import { say } from "../lang.js";
import { note, print, printJson } from "../output.js";

/** `quarterpast migrate`: prepares a database for services that are not started by `up`. */
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
      const { prepareDatabase } = await import("@quarterpast/stack");
      const token = await prepareDatabase(process.env, note);
      if (json) printJson({ apiKey: token ?? null });
      else if (token !== undefined) print(token);
    });
}
