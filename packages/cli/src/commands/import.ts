import { Option, type Command } from "commander";
import { EXIT } from "../exit.js";
import type { ImportOptions } from "../import/importFile.js";
import { say, type Text } from "../lang.js";
import { print } from "../output.js";

const FORMATS = ["csv", "ndjson", "cloudevents"];

/** Adds `import FILE`: sends a file of usage through the collector. */
export function register(program: Command): void {
  const text = (en: string, zh: string) => say({ en, zh } satisfies Text);
  program
    .command("import")
    .argument("<file>", text("a CSV, NDJSON or CloudEvents file", "CSV、NDJSON 或 CloudEvents 文件"))
    .summary(text("send a file of usage events", "发送用量文件"))
    .description(
      text(
        "Sends a file through the collector. Safe to run twice; continues where it was interrupted. Keep the mapping the same from run to run: the ids come from it.",
        "通过采集服务发送文件。可安全重复执行，中断后可继续。多次执行请保持映射不变：事件标识由其生成。",
      ),
    )
    .option("--source <source>", text("names where the usage comes from", "用量来源名称"))
    .option(
      "--time <column>",
      text("column of the time; without a zone it is UTC", "时间所在列；未注明时区时按 UTC"),
    )
    .option(
      "--subject <value|@column>",
      text("the customer, or @ and the column that names them", "客户标识，或 @ 加所在列名"),
    )
    .option(
      "--meter <meter=column>",
      text(
        "a meter and the column of its quantity (or value, for unique meters); a count meter has no column; may be repeated",
        "计量项及其用量所在列（unique 计量项为取值列）；count 计量项不带列名；可重复",
      ),
      (value: string, all: string[] | undefined) => [...(all ?? []), value],
    )
    .option(
      "--account <code|@column>",
      text(
        "the account whose usage it is, or @ and the column that names it; needed only if several accounts serve a customer",
        "用量所属账户的代码，或 @ 加所在列名；仅当多个账户服务同一客户时需要",
      ),
    )
    .option(
      "--id <row|@column>",
      text(
        "row: by content (default); @COLUMN: a column that is unique",
        "row：按内容生成（默认）；@列名：唯一的列",
      ),
    )
    .option(
      "--follow-clock",
      text("send each row when the product's clock reaches its time", "系统时钟到达该行时间时再发送"),
    )
    .option("--restart", text("start over after an interruption", "中断后从头开始"))
    .addOption(
      new Option("--format <format>", text("default: by the file's name", "默认按文件名判断")).choices(
        FORMATS,
      ),
    )
    .option("--data-dir <dir>", text("data directory of the running stack", "运行中系统的数据目录"))
    .option("--json", text("print the result as JSON", "以 JSON 输出结果"))
    .action(run);
}

async function run(file: string, options: Partial<ImportOptions> & { json?: boolean }): Promise<void> {
  // Loaded only when needed, because it is the heaviest of the commands.
  const { importFile } = await import("../import/importFile.js");
  const { summaryOf } = await import("../import/tally.js");
  const stop = new AbortController();
  // Only once: a second Ctrl-C ends the process immediately.
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const tally = await importFile(file, { ...options, meter: options.meter ?? [] }, process.stderr, stop);
    print(options.json ? JSON.stringify(tally) : say(summaryOf(tally)));
    if (tally.rejected > 0) process.exitCode = EXIT.refused;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}
