import type { Command } from "commander";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { formatFields, print, printJson } from "../output.js";
import { openFolder } from "../verify/folder.js";

interface RestoreFlags {
  key?: string;
  anchors?: string;
  json?: boolean;
}

/** `quarterpast restore-hours`: brings sealed hours back into a database that was restored from an older backup. */
export function register(program: Command): void {
  program
    .command("restore-hours <dir>")
    .summary(say({ en: "bring sealed hours back after a restore", zh: "恢复备份后找回已封账小时" }))
    .description(
      say({
        en: "After a restore of DATABASE_URL to an older backup, and before any service is started: brings sealed hours back from their exports (PROOF_DIR), so that the replay of the journal bills nothing twice. May run again at any time.",
        zh: "将 DATABASE_URL 恢复到较早的备份之后、启动任何服务之前：由导出文件（PROOF_DIR）找回已封账的小时，使日志重放不会重复计费。可随时重复运行。",
      }),
    )
    .option(
      "--key <file>",
      say({ en: "public key (default: the one in the folder)", zh: "公钥文件（默认使用目录中的公钥）" }),
    )
    .option(
      "--anchors <file>",
      say({ en: "the anchors, from their external copy", zh: "外部保存的锚点文件" }),
    )
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }))
    .action(async (dir: string, flags: RestoreFlags) => {
      const databaseUrl = process.env.DATABASE_URL;
      if (!databaseUrl) {
        throw new CliError(EXIT.settings, {
          en: "DATABASE_URL is not set: give the database that was restored",
          zh: "未设置 DATABASE_URL：请给出已恢复的数据库",
        });
      }
      const { createPool } = await import("@quarterpast/store");
      const { restoreHours } = await import("../restore/hours.js");
      const pool = createPool({ databaseUrl, applicationName: "quarterpast-restore", onError: () => {} });
      try {
        const restored = await restoreHours(pool, openFolder(dir), {
          keyFile: flags.key,
          anchorFile: flags.anchors,
        });
        if (flags.json) return printJson(restored);
        print(
          formatFields([
            [{ en: "hours", zh: "小时" }, String(restored.hours)],
            [{ en: "records", zh: "话单" }, String(restored.records)],
            [{ en: "events", zh: "事件" }, String(restored.events)],
            [{ en: "already there", zh: "已存在" }, String(restored.skipped)],
            [{ en: "calls to send again", zh: "待重新发送的请求" }, String(restored.calls)],
          ]),
        );
      } finally {
        await pool.end();
      }
    });
}
