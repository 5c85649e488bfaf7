import { readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { ApiClient } from "@quarterpast/contract";
import type { Command } from "commander";
import { choice, onStack, openApi, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { addTableOptions, conclude, reconcileTable, type TableFlags } from "./reconcileTable.js";

const CONTENT_TYPES: Record<string, string> = {
  csv: "text/csv",
  json: "application/json",
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

/**
 * `quarterpast reconcile`: compares what the marketplace exported with our records. Exit 3 if there are open
 * differences.
 */
export function register(program: Command): void {
  addTableOptions(onStack(program.command("reconcile <file>")))
    .description(
      say({
        en: "compare an exported list of bill records, or a bill, with ours; exit 3 if there are open differences",
        zh: "用导出的话单列表或账单与我方话单对账；存在差异时以 3 退出",
      }),
    )
    .addOption(
      choice(
        "--format <format>",
        { en: "of the file (default: by its name)", zh: "文件格式（默认按扩展名）" },
        ["csv", "xlsx", "json", "ndjson"],
      ),
    )
    .action(async (file: string, { format, ...flags }: StackFlags & TableFlags & { format?: string }) => {
      const contentType = contentTypeOf(file, format);
      const { contents, ageMs } = await readExport(file);
      const api = await openApi(flags);
      const asked = await askedAt(api, ageMs);
      if (!contentType.includes("json")) return reconcileTable(api, { file, contents, asked }, flags);
      const { from, to } = flags;
      const query = { source: basename(file).slice(0, 200), asked, from, to };
      const taken = await api.importFile({ query, body: contents, type: contentType });
      if (!("rows" in taken)) await conclude(api, taken, flags);
    });
}

function contentTypeOf(file: string, format: string | undefined): string {
  const type = CONTENT_TYPES[format ?? extname(file).slice(1).toLowerCase()];
  if (type !== undefined) return type;
  throw new CliError(EXIT.usage, {
    en: `${file}: its name does not show its format; give --format csv, xlsx, json or ndjson`,
    zh: `${file}：无法由文件名判断格式；请用 --format 指定 csv、xlsx、json 或 ndjson`,
  });
}

async function readExport(file: string): Promise<{ contents: Uint8Array<ArrayBuffer>; ageMs: number }> {
  try {
    const [contents, { mtimeMs }] = await Promise.all([readFile(file), stat(file)]);
    return { contents: new Uint8Array(contents), ageMs: Math.max(0, Date.now() - mtimeMs) };
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new CliError(
      EXIT.usage,
      {
        en: `${file} cannot be read (${code}): name the exported file`,
        zh: `无法读取 ${file}（${code}）：请指定导出的文件`,
      },
      error,
    );
  }
}

/**
 * Product time of the export, from the file's age: records accepted after it cannot be in the file, and must not
 * count as missing. A copy may be younger than the export, so this proves nothing; the marketplace's own time would.
 */
async function askedAt(api: ApiClient, ageMs: number): Promise<string> {
  const { clock } = await api.readStack();
  return new Date(Math.max(0, Date.parse(clock.now) - ageMs * clock.rate)).toISOString();
}
