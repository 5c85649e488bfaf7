import type { FinalComparison, UpFlags, UpOutcome } from "@quarterpast/stack";
import { DEFAULT_DATA_DIR, DEFAULT_PORT_BASE } from "@quarterpast/stack/find";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../exit.js";
import { say, type Text } from "../lang.js";
import { note } from "../output.js";

const EXITS: Record<UpOutcome, ExitCode> = {
  stopped: EXIT.ok,
  sample_right: EXIT.ok,
  sample_wrong: EXIT.failed,
  interrupted: EXIT.interrupted,
};

/** Adds `up`: runs everything on this machine. */
export function register(program: Command): void {
  const text = (en: string, zh: string) => say({ en, zh } satisfies Text);
  program
    .command("up")
    .summary(text("run everything on this machine", "在本机运行整套系统"))
    .description(
      text(
        "Runs Postgres, Redis, the sandbox marketplace and all services, until Ctrl-C. Prints one JSON line on stdout when all is ready; the next start continues with the same data. DATABASE_URL and REDIS_URL name servers to use instead of its own.",
        "在本机运行 Postgres、Redis、沙箱云商店和全部服务，直到按下 Ctrl-C。就绪时在标准输出打印一行 JSON；下次启动继续使用同一数据。可用 DATABASE_URL 和 REDIS_URL 指定已有的服务器。",
      ),
    )
    .option(
      "--sample",
      text("send sample usage on a fast clock and show its outcome", "用快速时钟发送示例用量并显示结果"),
    )
    .option(
      "--once",
      text(
        "with --sample: two hours of it, compare the totals, stop",
        "与 --sample 同用：运行两小时的示例，核对总量后停止",
      ),
    )
    .option("--data-dir <dir>", text("where everything is kept", "数据目录"), DEFAULT_DATA_DIR)
    .option(
      "--port-base <n>",
      text("first of the eight ports", "八个连续端口中的第一个"),
      String(DEFAULT_PORT_BASE),
    )
    .option(
      "--clock-start <time>",
      text(
        "product time at the start, e.g. 2026-01-31T18:15:00Z",
        "启动时的系统时间，例如 2026-01-31T18:15:00Z",
      ),
    )
    .option("--clock-rate <n>", text("product seconds per real second", "系统时间相对真实时间的倍数"))
    .option(
      "--marketplace-url <url>",
      text("file with this marketplace instead of the sandbox", "报送到此云商店，而不是沙箱"),
    )
    .option(
      "--marketplace-key <key>",
      text(
        "the seller's key (better: MARKETPLACE_KEY or MARKETPLACE_KEY_FILE)",
        "商家对接密钥（建议改用 MARKETPLACE_KEY 或 MARKETPLACE_KEY_FILE）",
      ),
    )
    .action(async (flags: UpFlags) => {
      // Loaded only when needed: no other command runs servers.
      const { runUp } = await import("@quarterpast/stack");
      const { summaryText } = await import("./upSummary.js");
      const listener = { tell: note, compared: (outcome: FinalComparison) => note(summaryText(outcome)) };
      process.exitCode = EXITS[await runUp(flags, process.env, listener)];
    });
}
