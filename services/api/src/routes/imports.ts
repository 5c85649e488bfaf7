import { billPeriod, monthPeriod } from "@quarterpast/domain";
import {
  readImport,
  TableError,
  versionsNamedBySlot,
  type Import,
  type ImportProfile,
} from "@quarterpast/marketplace";
import {
  findProfile,
  listProfiles,
  saveProfile,
  takeBill,
  takeStatement,
  valueFindings,
} from "@quarterpast/store";
import { z } from "zod";
import { billToDb } from "../bills.js";
import { optionalHour, optionalInstant, statementName } from "../fields.js";
import { currency, month } from "../financeFields.js";
import * as fields from "../importFields.js";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import { problemToApi, unreadable } from "../statementProblems.js";
import type { RouteDeps } from "../server.js";
import { refuseOutside, toldPeriod } from "../toldPeriod.js";
import { field, type Routes } from "../validate.js";

const TYPES = [
  "application/octet-stream",
  "text/csv",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const PROBLEMS_TOLD = 20;
const PREVIEWED = 5;

const query = z.strictObject({
  source: statementName(),
  asked: optionalInstant(),
  preview: fields.flag(),
  profile: fields.optionalProfileName(),
  save: fields.optionalProfileName(),
  kind: fields.importKind(),
  map: fields.columns(),
  zone: fields.zone(),
  sheet: fields.sheet(),
  currency: field({ en: "a currency, e.g. CNY", zh: "货币代码，例如 CNY" }, currency().optional()),
  rows: fields.rowCount(),
  /** Of a bill whose lines do not tell it; of a list, the month that it covers. */
  month: field({ en: "a month, e.g. 2026-03", zh: "月份，例如 2026-03" }, month().optional()),
  from: optionalHour(),
  to: optionalHour(),
});
const file = field(
  { en: "an exported file", zh: "导出的文件" },
  z.instanceof(Buffer).refine((bytes) => bytes.length > 0),
);

/** `POST /v1/imports`: an exported SDR list, transaction details or bill as CSV or XLSX, or a preview of how it is read. */
export function addImports(routes: Routes, deps: RouteDeps): void {
  const { pool, clock, account } = deps;
  routes.get("/imports/profiles", async () => ({
    items: await listProfiles(pool, account.accountNo),
    next: null,
  }));

  routes.register(async (scope: Routes) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(TYPES, { parseAs: "buffer" }, (_request, body, done) => done(null, body));

    const options = {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { consumes: TYPES },
      schema: { querystring: query, body: file },
    };
    scope.post("/imports", options, async (request, reply) => {
      const { profile: name, save, map, zone: zoneMinutes, ...asked } = request.query;
      const saved = name === undefined ? undefined : await savedProfile(deps, name);
      const { kind, sheet, currency: money } = asked;
      const profile = fields.mergeProfile(saved, { kind, columns: map, zoneMinutes, sheet, currency: money });
      const read = readFile(request.body, profile, asked.rows);
      if (asked.preview) return previewToApi(read);
      if (read.lines.length + read.bill.length === 0 && read.problems.length > 0)
        throw unreadable(read.problems);
      const actor = { accountNo: account.accountNo, keyId: request.apiKey.keyId };
      if (save !== undefined) {
        await saveProfile(pool, actor, { name: save, profile: { ...profile, kind: read.kind } }, clock.now());
      }
      const taken =
        read.kind === "sdr" ? await takeSdr(deps, read, asked) : await takeMoney(deps, read, asked);
      return reply.code(201).send({ kind: read.kind, ...summary(read), ...taken });
    });
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

function readFile(bytes: Buffer, profile: Partial<ImportProfile>, expectedRows: number | undefined): Import {
  try {
    return readImport(bytes, { profile, expectedRows });
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

async function takeSdr({ pool, clock, account, profile }: RouteDeps, read: Import, given: Asked) {
  const now = clock.now();
  const { lines, complete } = read;
  const { source, asked, month: whole } = given;
  const inMonth = whole === undefined ? undefined : monthPeriod(whole, profile.windows.dayOffset);
  const range = toldPeriod(given) ?? inMonth ?? read.period;
  refuseOutside(range, lines);
  const found = await takeStatement(
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

async function takeMoney({ pool, clock, account, profile }: RouteDeps, read: Import, given: Asked) {
  const { source, month: otherwise } = given;
  const { dayOffset } = profile.windows;
  const lines = read.bill.map((line) => billToDb(line, otherwise, dayOffset));
  const without = lines.findIndex((line) => line === undefined);
  if (without >= 0) {
    const row = read.bill[without]!.line;
    throw refusal("field_invalid", {
      en: `line ${row}: neither the bill nor its usage tells the month; give --month YYYY-MM`,
      zh: `第 ${row} 行：无法确定账期；请用 --month YYYY-MM 指定`,
    });
  }
  const told = lines.flatMap((line) => line ?? []);
  const period = toldPeriod(given) ?? read.period ?? billPeriod(told, dayOffset);
  const bill = { accountNo: account.accountNo, source: source ?? "file", complete: read.complete };
  return takeBill(pool, { ...bill, period, dayOffset, lines: told }, clock.now());
}

function summary({ complete, problems }: Import) {
  return {
    complete,
    unreadable: problems.length,
    problems: problems.slice(0, PROBLEMS_TOLD).map(problemToApi),
  };
}

function previewToApi(read: Import) {
  const { kind, sheet, layout, rows, period } = read;
  const columns = layout.headers.map(({ header, ref, field: name }) => ({ header, cell: ref, field: name }));
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
