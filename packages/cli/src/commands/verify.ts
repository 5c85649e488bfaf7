import { readFile } from "node:fs/promises";
import {
  formatCompact,
  formatInstant,
  HOUR,
  parseInstant,
  PROOF_PROBLEMS,
  readProofKeys,
  type Depth,
  type Finding,
} from "@quarterpast/domain";
import { Option, type Command } from "commander";
import { apiOf, onStack, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { formatFields, formatTable, note, print, printJson, type Column } from "../output.js";
import { findStack } from "@quarterpast/stack/find";
import { openFolder, verifyFolder, type FolderVerdict } from "../verify/folder.js";
import { verifyLedger } from "../verify/ledger.js";
import { dayOffsetOf, monthHelp, readSpan, writtenDayOffset, type Span } from "../verify/span.js";

interface VerifyFlags extends StackFlags {
  hour?: string;
  month?: string;
  dayOffset?: string;
  record?: string;
  archive?: string;
  key?: string;
  anchors?: string;
  events: boolean;
  chainOnly?: boolean;
}

const FINDINGS_SHOWN = 50;
const EVER: Span = { from: "1970-01-01T00:00:00Z", to: "2200-01-01T00:00:00Z", name: "all" };

const COLUMNS: readonly Column<Finding>[] = [
  { title: { en: "HOUR", zh: "小时" }, cell: ({ hour }) => hour },
  { title: { en: "WHERE", zh: "位置" }, cell: ({ where }) => where },
  { title: { en: "WHAT DIFFERS", zh: "差异" }, cell: ({ code }) => say(PROOF_PROBLEMS[code]) },
  { title: { en: "EXPECTED", zh: "应为" }, cell: ({ expected }) => expected ?? "-" },
  { title: { en: "FOUND", zh: "实际" }, cell: ({ found }) => found ?? "-" },
];

/** `quarterpast verify`: computes hours again and compares them with what was signed. */
export function register(program: Command): void {
  onStack(program.command("verify"))
    .description(
      say({
        en: "compute hours again from their events and compare them with the signed manifests; exit 3 if anything differs",
        zh: "由事件重新计算各小时，并与已签名的清单核对；存在差异时以 3 退出",
      }),
    )
    .option("--hour <time>", say({ en: "only this hour", zh: "仅此小时" }))
    .option("--month <yyyy-mm>", monthHelp())
    .option(
      "--day-offset <offset>",
      say({
        en: "for a month of an archive: how far the marketplace's day is ahead of UTC, e.g. +08:00",
        zh: "按月核验归档时：云市场的日期较 UTC 提前多少，例如 +08:00",
      }),
    )
    .option(
      "--record <sn>",
      say({ en: "the hour whose manifest covers this record", zh: "清单涵盖该话单的小时" }),
    )
    .option(
      "--archive <dir>",
      say({
        en: "verify exported hours in this folder, without a stack",
        zh: "核验该目录中导出的小时，无需运行中的系统",
      }),
    )
    .option(
      "--key <file>",
      say({
        en: "public key (default: the one the stack or folder holds)",
        zh: "公钥文件（默认使用系统或目录中的公钥）",
      }),
    )
    .option(
      "--anchors <file>",
      say({ en: "the anchors, from their external copy", zh: "外部保存的锚点文件" }),
    )
    .option(
      "--no-events",
      say({
        en: "leave events out: only usage, records, chain, totals and manifests",
        zh: "不核验事件：仅用量、话单、链、合计与清单",
      }),
    )
    .addOption(
      new Option(
        "--chain-only",
        say({
          en: "leave usage out too: only the bytes of the records, their chain, totals and manifests",
          zh: "亦不核验用量：仅话单字节、链、合计与清单",
        }),
      ).conflicts("archive"),
    )
    .action(async (flags: VerifyFlags) => {
      const verdict =
        flags.archive === undefined ? await overLedger(flags) : await overArchive(flags, flags.archive);
      report(verdict, flags.json);
    });
}

function depthOf({ events, chainOnly }: VerifyFlags): Depth {
  if (chainOnly) return "chain";
  return events ? "events" : "usage";
}

async function overArchive(flags: VerifyFlags, dir: string): Promise<FolderVerdict> {
  const span = await readSpan(flags, writtenDayOffset(flags.dayOffset));
  const bounds = span && [formatCompact(parseInstant(span.from)!), formatCompact(parseInstant(span.to)!)];
  return verifyFolder(openFolder(dir), {
    keyFile: flags.key,
    anchorFile: flags.anchors,
    wanted: bounds && ((hour) => hour >= bounds[0]! && hour < bounds[1]!),
  });
}

async function overLedger(flags: VerifyFlags): Promise<FolderVerdict> {
  const stack = await findStack(flags);
  const keys = flags.key === undefined ? undefined : readProofKeys(await readLines(flags.key));
  if (flags.key !== undefined && !keys) throw unreadable(flags.key);
  const anchors = flags.anchors === undefined ? undefined : await readLines(flags.anchors);
  let span = (await readSpan(flags, dayOffsetOf(apiOf(stack)))) ?? EVER;
  if (flags.record !== undefined) {
    const { hour } = await apiOf(stack).readRecordProof({ params: { sn: flags.record } });
    span = { from: hour, to: formatInstant(parseInstant(hour)! + HOUR), name: hour };
  }
  return verifyLedger(stack, { ...span, keys, anchors, depth: depthOf(flags) });
}

async function readLines(file: string): Promise<string[]> {
  try {
    const lines = (await readFile(file, "latin1")).split("\n");
    if (lines.at(-1) === "") lines.pop();
    return lines;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause?: unknown): CliError {
  return new CliError(
    EXIT.usage,
    {
      en: `${file} cannot be read: name a file that holds what docs/proof.md describes`,
      zh: `无法读取 ${file}：请指定符合 docs/proof.md 的文件`,
    },
    cause,
  );
}

function report({ hours, findings }: FolderVerdict, json: boolean | undefined): void {
  const ok = findings.length === 0 && hours.length > 0;
  const sum = (count: (hour: (typeof hours)[number]) => number) =>
    hours.reduce((total, hour) => total + count(hour), 0);
  const counts = {
    hours: hours.length,
    records: sum(({ records }) => records),
    events: sum(({ events }) => events),
  };
  if (json) {
    printJson({
      ok,
      ...counts,
      manifests: hours.map(({ hour, number, hash }) => ({ hour, number, hash })),
      findings,
    });
  } else {
    print(
      formatFields([
        [{ en: "hours", zh: "小时" }, String(counts.hours)],
        [{ en: "records", zh: "话单" }, String(counts.records)],
        [{ en: "events", zh: "事件" }, String(counts.events)],
        [{ en: "differences", zh: "差异" }, String(findings.length)],
      ]),
    );
    if (findings.length > 0) print(`\n${formatTable(COLUMNS, findings.slice(0, FINDINGS_SHOWN))}`);
  }
  if (findings.length > 0) process.exitCode = EXIT.differences;
  else if (!ok) {
    process.exitCode = EXIT.failed;
    note({
      en: "no hour there has a manifest: nothing was verified",
      zh: "该范围内没有清单：未核验任何内容",
    });
  }
}
