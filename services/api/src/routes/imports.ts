import { API } from "@quarterpast/contract";
import { billPeriod, monthPeriod } from "@quarterpast/domain";
import {
  problemText,
  readListApart,
  TableError,
  versionsNamedBySlot,
  type ImportProfile,
  type List,
  type ListFormat,
  type ListProblem,
} from "@quarterpast/marketplace";
import {
  findProfile,
  listProfiles,
  saveProfile,
  takeBill,
  takeDayStatement,
  takeStatement,
  valueFindings,
} from "@quarterpast/store";
import { billToDb } from "../bills.js";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { refuseOutside, toldPeriod } from "../toldPeriod.js";
import { serve, type Routes } from "../serve.js";

const PROBLEMS_TOLD = 20;
const PREVIEWED = 5;

/** `/v1/imports`: an exported list of records, transaction details or bill, or a preview of how it is read. */
export function addImports(routes: Routes, deps: RouteDeps): void {
  const { pool, clock, account } = deps;
  serve(routes, API.listProfiles, async () => ({
    items: await listProfiles(pool, account.accountNo),
    next: null,
  }));

  serve(routes, API.importFile, async (request, reply) => {
    const { profile: name, save, map, zone: zoneMinutes, ...asked } = request.query;
    const saved = name === undefined ? undefined : await savedProfile(deps, name);
    const { kind, sheet, currency } = asked;
    const profile = mergeProfile(saved, { kind, columns: map, zoneMinutes, sheet, currency });
    const read = await readFile(deps.profile, request, profile, asked.rows);
    if (asked.preview) return previewToApi(read);
    if (read.lines.length + read.bill.length === 0 && read.problems.length > 0)
      throw unreadable(read.problems);
    const actor = { accountNo: account.accountNo, keyId: request.apiKey.keyId };
    if (save !== undefined) {
      await saveProfile(pool, actor, { name: save, profile: { ...profile, kind: read.kind } }, clock.now());
    }
    const taken =
      read.kind === "sdr"
        ? { kind: read.kind, ...summary(read), ...(await takeSdr(deps, read, asked)) }
        : { kind: read.kind, ...summary(read), ...(await takeMoney(deps, read, asked)) };
    return reply.code(201).send(taken);
  });
}

async function savedProfile({ pool, account }: RouteDeps, name: string): Promise<Partial<ImportProfile>> {
  const saved = await findProfile<ImportProfile>(pool, account.accountNo, name);
  if (saved) return saved;
  throw refusal("not_found", {
    en: `There is no import profile ${name}: save one with --save ${name}`,
    zh: `导入方案 ${name} 不存在：请用 --save ${name} 保存`,
  });
}

/** The request takes precedence over the saved profile. */
function mergeProfile(
  saved: Partial<ImportProfile> | undefined,
  asked: { [K in keyof ImportProfile]?: ImportProfile[K] | undefined },
): Partial<ImportProfile> {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { ...saved, ...given, columns: { ...saved?.columns, ...asked.columns } };
}

/** By content type, the text formats that a file's first bytes do not reveal. */
const FORMATS: Readonly<Record<string, ListFormat>> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
};

async function readFile(
  { lists: rules }: RouteDeps["profile"],
  { headers, body }: { headers: { "content-type"?: string }; body: Buffer },
  profile: Partial<ImportProfile>,
  expectedRows: number | undefined,
): Promise<List> {
  if (!rules) {
    throw refusal("field_invalid", {
      en: "This marketplace exports no list or bill that can be imported",
      zh: "该云市场没有可导入的话单列表或账单",
    });
  }
  const format = FORMATS[headers["content-type"]!.split(";")[0]!.trim().toLowerCase()];
  try {
    return await readListApart(body, { rules, profile, expectedRows, format });
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw refusal("field_invalid", { en: error.message, zh: error.zh });
  }
}

interface Asked {
  source?: string | undefined;
  asked?: number | undefined;
  month?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

async function takeSdr({ pool, clock, account, profile }: RouteDeps, read: List, given: Asked) {
  const now = clock.now();
  const { lines, complete } = read;
  const { source, asked, month: whole } = given;
  const inMonth = whole === undefined ? undefined : monthPeriod(whole, account.dayOffset);
  const range = toldPeriod(given) ?? inMonth ?? read.period;
  refuseOutside(range, lines);
  const take = profile.statements.grain === "day" ? takeDayStatement : takeStatement;
  const found = await take(
    pool,
    {
      accountNo: account.accountNo,
      source: source ?? "file",
      complete,
      askedAt: Math.min(asked ?? now, now),
      range,
      lines,
      duplicateCodes: profile.duplicateCodes,
      namedBySlot: versionsNamedBySlot(profile),
    },
    now,
  );
  while ((await valueFindings(pool, account.accountNo, now)) > 0);
  return found;
}

async function takeMoney({ pool, clock, account }: RouteDeps, read: List, given: Asked) {
  const { source, month: otherwise } = given;
  const { dayOffset } = account;
  const lines = read.bill.map((line) => billToDb(line, otherwise, dayOffset));
  const without = lines.findIndex((line) => line === undefined);
  if (without >= 0) {
    const row = read.bill[without]!.line;
    throw refusal("field_invalid", {
      en: `line ${row}: neither the bill nor its usage shows the month; give --month YYYY-MM`,
      zh: `第 ${row} 行：无法确定账期；请用 --month YYYY-MM 指定`,
    });
  }
  const told = lines.flatMap((line) => line ?? []);
  const period = toldPeriod(given) ?? read.period ?? billPeriod(told, dayOffset);
  const bill = { accountNo: account.accountNo, source: source ?? "file", complete: read.complete };
  return takeBill(pool, { ...bill, period, lines: told }, clock.now());
}

function summary({ complete, problems }: List) {
  return {
    complete,
    unreadable: problems.length,
    problems: problems.slice(0, PROBLEMS_TOLD).map(problemToApi),
  };
}

function previewToApi(read: List) {
  const { kind, sheet, layout, rows, period } = read;
  const columns = layout.headers.map(({ header, cell, field: name }) => ({ header, cell, field: name }));
  const first = (kind === "sdr" ? read.lines : read.bill).slice(0, PREVIEWED).map(timesToIso);
  const covers = period && { from: iso(period.from), to: iso(period.to) };
  return {
    ...{ kind, sheet, rows, columns, missing: layout.missing, first },
    covers: covers ?? null,
    ...summary(read),
  };
}

function timesToIso(line: object): Record<string, unknown> {
  const times = new Set(["begin", "end", "collectedAt"]);
  return Object.fromEntries(
    Object.entries(line).map(([name, value]) => [
      name,
      times.has(name) ? new Date(Number(value) / 1_000).toISOString() : value,
    ]),
  );
}

/** An unreadable line of a file, in both languages. */
const problemToApi = (problem: ListProblem) => ({
  line: problem.line,
  column: problem.column,
  en: problemText(problem, "en"),
  zh: problemText(problem, "zh"),
});

/** The refusal of a file without a readable line: its first three problems. */
function unreadable(problems: readonly ListProblem[]) {
  const first = problems.slice(0, 3);
  return refusal("field_invalid", {
    en: `No line of the file can be read: ${first.map((one) => problemText(one, "en")).join("; ")}`,
    zh: `文件内容无法读取：${first.map((one) => problemText(one, "zh")).join("；")}`,
  });
}
