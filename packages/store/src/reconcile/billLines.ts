import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** One line of a bill. */
export interface KeptBillLine {
  line: number;
  /** Month of the bill, and of the usage, which may be an earlier one: first days when written, `YYYY-MM` when read. */
  month: string;
  usageMonth: string;
  sn: string | null;
  instanceId: string | null;
  product: string | null;
  customer: string | null;
  orderId: string | null;
  quantity: string | null;
  /** Decimal text; negative if money was given back. */
  amount: string;
  currency: string;
  refund: boolean;
  /** When its usage began and ended, if the bill says so. */
  begin: Micros | null;
  end: Micros | null;
}

interface Column {
  column: string;
  type: string;
  /** The SQL that reads the column; the column itself if absent. */
  read?: (column: string) => string;
}

const month = (column: string): string => `to_char(${column}, 'YYYY-MM')`;
const decimal = (column: string): string => `trim_scale(${column})::text`;

/** Each field of a line with its column: lines are written and read by this list. */
const COLUMNS: Readonly<Record<keyof KeptBillLine, Column>> = {
  line: { column: "line", type: "integer" },
  month: { column: "month", type: "date", read: month },
  usageMonth: { column: "usage_month", type: "date", read: month },
  sn: { column: "sn", type: "text" },
  instanceId: { column: "instance_id", type: "text" },
  product: { column: "product", type: "text" },
  customer: { column: "customer", type: "text" },
  orderId: { column: "order_id", type: "text" },
  quantity: { column: "quantity", type: "numeric", read: decimal },
  amount: { column: "amount", type: "numeric", read: decimal },
  currency: { column: "currency", type: "text" },
  refund: { column: "refund", type: "boolean" },
  begin: { column: "begin_at", type: "timestamptz" },
  end: { column: "end_at", type: "timestamptz" },
};

const FIELDS = Object.keys(COLUMNS) as (keyof KeptBillLine)[];

/** The select list for reading a {@link KeptBillLine} from a row `b` of bill_lines. */
export const BILL_LINE = FIELDS.map((field) => {
  const { column, read = (name: string) => name } = COLUMNS[field];
  return `${read(`b.${column}`)} AS "${field}"`;
}).join(", ");

/** Keeps the lines of a bill. */
export async function insertBillLines(
  db: Db,
  statementId: number,
  lines: readonly KeptBillLine[],
): Promise<void> {
  const columns = FIELDS.map((field) => COLUMNS[field].column).join(", ");
  const arrays = FIELDS.map((field, at) => `$${at + 2}::${COLUMNS[field].type}[]`).join(", ");
  const valueOf = (line: KeptBillLine, field: keyof KeptBillLine): unknown => {
    if (field !== "begin" && field !== "end") return line[field];
    const at = line[field];
    return at === null ? null : stamp(at);
  };
  await db.query(
    `INSERT INTO bill_lines (statement_id, ${columns}) SELECT $1::bigint, t.* FROM unnest(${arrays}) AS t`,
    [statementId, ...FIELDS.map((field) => lines.map((line) => valueOf(line, field)))],
  );
}
