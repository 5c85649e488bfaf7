import type { AnswerOf, ApiClient } from "@quarterpast/contract";
import { basename } from "node:path";
import type { Command } from "commander";
import { choice, wholeNumber } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say, type Text } from "../lang.js";
import { formatFields, formatTable, note, print, printJson, type Column } from "../output.js";
import { showFindings, standingFindings } from "./findings.js";

/** How a file is read, or what it settled and found. */
type Preview = Extract<AnswerOf<"importFile">, { rows: number }>;
export type Taken = Exclude<AnswerOf<"importFile">, Preview>;

/** Options for files that a spreadsheet program may have saved: CSV and XLSX. */
export interface TableFlags {
  json?: boolean;
  preview?: boolean;
  profile?: string;
  save?: string;
  map?: string[];
  kind?: "sdr" | "bill";
  zone?: string;
  sheet?: string;
  currency?: string;
  rows?: number;
  month?: string;
  from?: string;
  to?: string;
}

/** Adds the options for tables to `reconcile`. */
export function addTableOptions(command: Command): Command {
  return command
    .option(
      "--preview",
      say({ en: "show how the file is read, and change nothing", zh: "仅预览读取结果，不作更改" }),
    )
    .option("--profile <name>", say({ en: "read it as this saved profile says", zh: "使用已保存的导入方案" }))
    .option(
      "--save <name>",
      say({ en: "save how it was read under this name", zh: "将读取方式保存为导入方案" }),
    )
    .option(
      "--map <header=field...>",
      say({
        en: "a column of the file and what it is, e.g. 'SDR no.=serialNumber'",
        zh: "文件列与字段的对应，例如 '话单号=serialNumber'",
      }),
    )
    .addOption(
      choice(
        "--kind <kind>",
        { en: "what it lists (default: by its headers)", zh: "文件类型（默认按表头判断）" },
        ["sdr", "bill"],
      ),
    )
    .option(
      "--zone <offset>",
      say({ en: "for times without a zone, e.g. +08:00", zh: "无时区时间的时差，例如 +08:00" }),
    )
    .option("--sheet <name>", say({ en: "sheet of the workbook", zh: "工作表名称" }))
    .option("--currency <code>", say({ en: "for a bill that does not name it", zh: "账单未注明时的币种" }))
    .option(
      "--month <YYYY-MM>",
      say({
        en: "the month that a list covers; for a bill that does not name its month",
        zh: "话单列表覆盖的月份；账单未注明时的账期",
      }),
    )
    .option(
      "--from <time>",
      say({
        en: "first hour that the file covers (default: as it says, else the hour of its first line)",
        zh: "文件覆盖的首个小时（默认按文件所述，否则为首行所在小时）",
      }),
    )
    .option("--to <time>", say({ en: "end of the last hour that it covers", zh: "覆盖的最后一个小时的结束" }))
    .option(
      "--rows <n>",
      say({
        en: "number of rows on the marketplace's page: proof that the file is complete",
        zh: "云市场页面显示的行数，用于确认文件完整",
      }),
      wholeNumber(0, 99_999_999),
    );
}

const COUNTS: readonly (readonly [name: string, title: Text])[] = [
  ["billed", { en: "newly billed", zh: "新确认计费" }],
  ["agreed", { en: "agreed", zh: "一致" }],
  ["abnormal", { en: "newly abnormal", zh: "新增异常" }],
  ["different", { en: "different", zh: "不一致" }],
  ["missing", { en: "missing there", zh: "对方缺失" }],
  ["extra", { en: "extra there", zh: "对方多出" }],
  ["late", { en: "late", zh: "延迟" }],
  ["refunded", { en: "refunded", zh: "退款" }],
];

/** Sends a table to the api, or shows how it would be read. */
export async function reconcileTable(
  api: ApiClient,
  { file, contents, asked }: { file: string; contents: Uint8Array<ArrayBuffer>; asked: string },
  flags: TableFlags,
): Promise<void> {
  const { preview, map, profile, save, kind, zone, sheet, currency, rows, month, from, to } = flags;
  const query = {
    source: basename(file).slice(0, 200),
    ...{ asked, profile, save, kind, zone, sheet, currency, rows, month, from, to },
    map: map && JSON.stringify(readMap(map)),
    preview,
  };
  const answer = await api.importFile({ query, body: contents, type: "application/octet-stream" });
  if ("rows" in answer) return showPreview(answer, flags);
  await conclude(api, answer, flags);
}

/** Prints what a file settled and found, and which differences are open. */
export async function conclude(api: ApiClient, taken: Taken, { json }: { json?: boolean }): Promise<void> {
  const standing = await standingFindings(api);
  if (json) printJson({ ...taken, standing });
  else {
    showTaken(taken, standing.length);
    showFindings(standing);
  }
  if (standing.length > 0) process.exitCode = EXIT.differences;
  else if (taken.unreadable > 0) process.exitCode = EXIT.failed;
}

function readMap(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.lastIndexOf("=");
      if (at > 0 && at < pair.length - 1) return [pair.slice(at + 1), pair.slice(0, at)] as const;
      throw new CliError(EXIT.usage, {
        en: `--map ${pair}: give header=field, e.g. 'SDR no.=serialNumber'`,
        zh: `--map ${pair}：应为 表头=字段，例如 '话单号=serialNumber'`,
      });
    }),
  );
}

function showPreview(preview: Preview, { json }: TableFlags): void {
  if (json) printJson(preview);
  else {
    const columns: readonly Column<Preview["columns"][number]>[] = [
      { title: { en: "COLUMN", zh: "列" }, cell: ({ cell }) => cell },
      { title: { en: "HEADER", zh: "表头" }, cell: ({ header }) => header },
      { title: { en: "READ AS", zh: "识别为" }, cell: ({ field }) => field ?? "-" },
    ];
    print(formatTable(columns, preview.columns));
    print(`\n${preview.first.map((line) => JSON.stringify(line)).join("\n")}`);
    const whole = preview.complete
      ? say({ en: "complete", zh: "完整" })
      : say({ en: "not proven complete", zh: "无法确认完整" });
    print(
      `\n${say({ en: `${preview.kind}: ${preview.rows} rows`, zh: `${preview.kind}：${preview.rows} 行` })}, ${whole}`,
    );
    if (preview.covers) {
      const { from, to } = preview.covers;
      print(say({ en: `covers ${from} to ${to}, as it says`, zh: `按文件所述覆盖 ${from} 至 ${to}` }));
    }
    for (const problem of preview.problems) note(problem);
  }
  if (preview.missing.length > 0) process.exitCode = EXIT.failed;
}

function showTaken(taken: Taken, standing: number): void {
  const counts = COUNTS.flatMap(([name, title]) =>
    name in taken ? [[title, String((taken as Record<string, unknown>)[name])] as const] : [],
  );
  print(
    formatFields([
      [{ en: "lines", zh: "行数" }, String(taken.lines)],
      [
        { en: "complete", zh: "完整列表" },
        taken.complete
          ? say({ en: "yes", zh: "是" })
          : say({ en: "no: absence proves nothing", zh: "否：缺失不作为依据" }),
      ],
      ...counts,
      [{ en: "open differences", zh: "未解决差异" }, String(standing)],
    ]),
  );
  for (const problem of taken.problems) note(problem);
  if (taken.unreadable > 0) {
    note({
      en: `${taken.unreadable} problems in the file: it counts as incomplete`,
      zh: `文件中有 ${taken.unreadable} 处问题：按不完整处理`,
    });
  }
}
