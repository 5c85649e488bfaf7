import { readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { Command } from "commander";
import type { Api } from "../api.js";
import { choice, onStack, openApi, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say, type Text } from "../lang.js";
import { formatFields, formatTable, note, print, printJson, type Column } from "../output.js";
import { addTableOptions, reconcileTable, type TableFlags } from "./reconcileTable.js";

interface Summary {
  lines: number;
  complete: boolean;
  billed: number;
  abnormal: number;
  different: number;
  missing: number;
  extra: number;
  unreadable: number;
  problems: Text[];
}

interface Difference {
  kind: string;
  sn: string;
  instanceId: string;
  begin: string;
  ours: string | null;
  theirs: string | null;
  code: string | null;
  resolvedAt: string | null;
}

const COLUMNS: readonly Column<Difference>[] = [
  { title: { en: "DIFFERENCE", zh: "差异" }, cell: ({ kind }) => kind },
  { title: { en: "SERIAL NUMBER", zh: "序列号" }, cell: ({ sn }) => sn },
  { title: { en: "INSTANCE", zh: "实例" }, cell: ({ instanceId }) => instanceId },
  { title: { en: "BEGIN", zh: "开始" }, cell: ({ begin }) => begin },
  { title: { en: "OURS", zh: "我方" }, cell: ({ ours }) => ours ?? "-", align: "right" },
  { title: { en: "THEIRS", zh: "对方" }, cell: ({ theirs }) => theirs ?? "-", align: "right" },
  { title: { en: "CODE", zh: "代码" }, cell: ({ code }) => code ?? "-" },
];

const CONTENT_TYPES: Record<string, string> = {
  csv: "text/csv",
  json: "application/json",
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

const DIFFERENCES_READ = 1_000;
const DIFFERENCES_SHOWN = 50;

/** `quarterpast reconcile`: sets what the marketplace exported against our records. Exit 3 where differences stand. */
export function register(program: Command): void {
  addTableOptions(onStack(program.command("reconcile <file>")))
    .description(
      say({
        en: "set an exported list of bill records, or a bill, against ours; exit 3 where differences stand",
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
      const query = { source: basename(file).slice(0, 200), asked };
      const summary = await api.postFile<Summary>("/v1/statements", contents, contentType, query);
      const { items } = await api.get<{ items: Difference[] }>("/v1/differences", {
        limit: DIFFERENCES_READ,
      });
      const standing = items.filter(({ resolvedAt }) => resolvedAt === null);
      if (flags.json) printJson({ ...summary, standing });
      else printSummary(summary, standing);
      if (standing.length > 0) process.exitCode = EXIT.differences;
      else if (summary.unreadable > 0) process.exitCode = EXIT.failed;
    });
}

function contentTypeOf(file: string, format: string | undefined): string {
  const type = CONTENT_TYPES[format ?? extname(file).slice(1).toLowerCase()];
  if (type !== undefined) return type;
  throw new CliError(EXIT.usage, {
    en: `${file}: its name does not tell what it is; give --format csv, xlsx, json or ndjson`,
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
 * Product time of the export, by the file's age: records accepted after it cannot be in the file, and must not be taken
 * for missing. A copy may be younger than the export, so this is no proof; the marketplace's own time would be.
 */
async function askedAt(api: Api, ageMs: number): Promise<string> {
  const { clock } = await api.get<{ clock: { now: string; rate: number } }>("/v1/stack");
  return new Date(Math.max(0, Date.parse(clock.now) - ageMs * clock.rate)).toISOString();
}

function printSummary(summary: Summary, standing: readonly Difference[]): void {
  print(
    formatFields([
      [{ en: "lines", zh: "行数" }, String(summary.lines)],
      [
        { en: "complete", zh: "完整列表" },
        summary.complete
          ? say({ en: "yes", zh: "是" })
          : say({ en: "no: absence proves nothing", zh: "否：缺失不作为依据" }),
      ],
      [{ en: "newly billed", zh: "新确认计费" }, String(summary.billed)],
      [{ en: "newly abnormal", zh: "新增异常" }, String(summary.abnormal)],
      [{ en: "newly different", zh: "新增不一致" }, String(summary.different)],
      [{ en: "newly missing there", zh: "新增对方缺失" }, String(summary.missing)],
      [{ en: "newly extra there", zh: "新增对方多出" }, String(summary.extra)],
      [{ en: "differences that stand", zh: "未解决差异" }, String(standing.length)],
    ]),
  );
  for (const problem of summary.problems) note(problem);
  if (summary.unreadable > 0) {
    note({
      en: `${summary.unreadable} problems in the file: it counts as incomplete`,
      zh: `文件中有 ${summary.unreadable} 处问题：按不完整处理`,
    });
  }
  if (standing.length === 0) return;
  print(`\n${formatTable(COLUMNS, standing.slice(0, DIFFERENCES_SHOWN))}`);
  if (standing.length > DIFFERENCES_SHOWN) {
    note({
      en: `the first ${DIFFERENCES_SHOWN}; all with --json`,
      zh: `仅显示前 ${DIFFERENCES_SHOWN} 条；全部请用 --json`,
    });
  }
}
