import { createHash } from "node:crypto";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { choice, openApi, onStack, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { language, say } from "../lang.js";
import { print, printJson } from "../output.js";
import { monthHelp, readSpan } from "../verify/span.js";

interface ExportFlags extends StackFlags {
  hour?: string;
  month?: string;
  product?: string;
  customer?: string;
  format: "csv" | "ndjson";
  out: string;
}

/** `quarterpast export`: bill records as a file, with its SHA-256 beside it. */
export function register(program: Command): void {
  onStack(program.command("export"))
    .description(
      say({
        en: "write bill records to a file, with its SHA-256 beside it",
        zh: "将话单导出为文件，并附 SHA-256",
      }),
    )
    .option("--month <yyyy-mm>", monthHelp())
    .option("--hour <time>", say({ en: "of this hour", zh: "指定小时" }))
    .option("--product <product>", say({ en: "of this product", zh: "指定产品" }))
    .option("--customer <subject>", say({ en: "of this customer's subject", zh: "指定客户主体" }))
    .addOption(
      choice("--format <format>", { en: "csv or ndjson", zh: "csv 或 ndjson" }, ["csv", "ndjson"]).default(
        "csv",
      ),
    )
    .requiredOption("--out <dir>", say({ en: "folder for the file", zh: "输出目录" }))
    .action(async (flags: ExportFlags) => {
      const api = await openApi(flags);
      // The api knows each account's month.
      const span = await readSpan(flags, async () => 0);
      if (!span)
        throw new CliError(EXIT.usage, { en: "give --month or --hour", zh: "请给出 --month 或 --hour" });
      const { product, customer: subject, format } = flags;
      const named = [span.name, product, subject]
        .filter((part) => part !== undefined)
        .map(encodeURIComponent);
      const path = join(flags.out, `records-${named.join("-")}.${format}`);
      const hours = flags.month === undefined ? { from: span.from, to: span.to } : { month: flags.month };
      const query = { ...hours, product, subject, format, lang: language() };
      const { bytes, sha256 } = await save(path, await api.exportRecords({ query }));
      if (flags.json) printJson({ path, bytes, sha256 });
      else print(`${path}  ${bytes} B  SHA-256 ${sha256}`);
    });
}

/** Writes a stream to a file, which appears only when complete, with `<sha256>  <name>` beside it. */
async function save(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  await mkdir(join(path, ".."), { recursive: true });
  const draft = `${path}.part`;
  const file = await open(draft, "w");
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk);
    }
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
  await file.close();
  const sha256 = hash.digest("hex");
  await writeFile(`${path}.sha256`, `${sha256}  ${basename(path)}\n`);
  await rename(draft, path);
  return { bytes, sha256 };
}
