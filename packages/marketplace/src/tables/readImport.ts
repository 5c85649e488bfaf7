import type { Period } from "@quarterpast/domain";
import type { StatementLine, StatementProblem } from "../statement/line.js";
import type { BillLine } from "./bill.js";
import { bodyOf } from "./body.js";
import { headersOf, type ImportField, type ImportKind } from "./fields.js";
import { findLayout, type Layout } from "./layout.js";
import type { ImportProfile } from "./profile.js";
import { readTable } from "./readTable.js";
import { readBillRow } from "./readBillRow.js";
import { readSdrRow } from "./readSdrRow.js";
import { statedPeriod } from "./statedPeriod.js";
import { problemAt } from "../statement/rows.js";

/** What a file says, and how it was understood. */
export interface Import {
  kind: ImportKind;
  layout: Layout;
  sheet: string;
  /** Of an SDR list. */
  lines: StatementLine[];
  /** Of a bill. */
  bill: BillLine[];
  /** Rows of data. */
  rows: number;
  /** What the file says that it covers. */
  period: Period | undefined;
  /** It says so itself, or as many rows were expected as there are; and nothing of it was unreadable. */
  complete: boolean;
  problems: StatementProblem[];
}

export interface ImportOptions {
  profile?: Partial<ImportProfile> | undefined;
  /** How many rows the marketplace's page says there are: another proof that the file is whole. */
  expectedRows?: number | undefined;
}

/**
 * Reads an exported file: an SDR list, transaction details or a monthly bill, as CSV or XLSX.
 * @throws TableError where it is no such file at all; cells that cannot be read are problems that name them.
 */
export function readImport(bytes: Uint8Array, { profile = {}, expectedRows }: ImportOptions = {}): Import {
  const table = readTable(bytes, profile.sheet);
  const layout = findLayout(table, profile);
  const base = { kind: layout.kind, layout, sheet: table.sheet };
  if (layout.missing.length > 0) {
    return {
      ...base,
      lines: [],
      bill: [],
      rows: 0,
      period: undefined,
      complete: false,
      problems: layout.missing.map((field) => missing(layout, field)),
    };
  }
  const reading = { zoneMinutes: profile.zoneMinutes ?? 0, from1904: table.from1904 };
  const body = bodyOf(table, layout);
  const read = { lines: [] as StatementLine[], bill: [] as BillLine[] };
  const problems = [...body.problems];
  for (const row of body.rows) {
    const result =
      layout.kind === "sdr"
        ? readSdrRow(row, layout, reading)
        : readBillRow(row, layout, reading, profile.currency);
    if (Array.isArray(result)) for (const problem of result) problems.push(problem);
    else if ("serialNumber" in result && layout.kind === "sdr") read.lines.push(result as StatementLine);
    else read.bill.push(result as BillLine);
  }
  if (expectedRows !== undefined && expectedRows !== body.rows.length) {
    const count = body.rows.length;
    problems.push(
      problemAt(
        0,
        "rows",
        String(count),
        `${expectedRows} rows, as was told`,
        `${expectedRows} 行（已告知的行数）`,
      ),
    );
  }
  const complete = problems.length === 0 && (body.complete || expectedRows === body.rows.length);
  const period = statedPeriod(table, layout, reading);
  return { ...base, ...read, rows: body.rows.length, period, complete, problems };
}

function missing({ kind, headerRow }: Layout, field: ImportField): StatementProblem {
  const known = headersOf(kind, field).join(", ");
  return problemAt(
    headerRow + 1,
    field,
    "",
    `a column with one of these headers: ${known}`,
    `以下表头之一：${known}`,
  );
}
