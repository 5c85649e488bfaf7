// Used because it follows Unicode: wide and combining characters, emoji of several code points, colours.
import stringWidth from "string-width";
import { say, type Text } from "./lang.js";

/** One column of a table. */
export interface Column<T> {
  title: Text;
  cell: (row: T) => string;
  align?: "left" | "right";
}

/** Writes a line of the answer to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes the answer as JSON to stdout. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Prints a message for a person, besides the answer: on stderr. */
export function note(text: Text): void {
  process.stderr.write(`${say(text)}\n`);
}

/**
 * Prints a list as a table, or as a JSON array; without rows, `empty` is printed on stderr. Items of several accounts are
 * shown with their account.
 */
export function printList<T>(
  items: readonly T[],
  { json, columns, empty }: { json?: boolean | undefined; columns: readonly Column<T>[]; empty: Text },
): void {
  if (json) printJson(items);
  else if (items.length === 0) note(empty);
  else print(formatTable(withAccount(items, columns), items));
}

const ACCOUNT: Column<{ account?: string | null }> = {
  title: { en: "ACCOUNT", zh: "账号" },
  cell: ({ account }) => account ?? "-",
};

function withAccount<T>(items: readonly T[], columns: readonly Column<T>[]): readonly Column<T>[] {
  const isShown = columns.some(({ title }) => title.en === ACCOUNT.title.en);
  return isShown || !isOfSeveral(items) ? columns : [ACCOUNT as Column<T>, ...columns];
}

/** Whether items are of more than one account, and so must name it. */
export function isOfSeveral(items: readonly unknown[]): boolean {
  const codes = items.map((item) => (item as { account?: string | null }).account ?? undefined);
  return new Set(codes.filter((code) => code !== undefined)).size > 1;
}

/** One object as lines of name and value. */
export function formatFields(fields: readonly (readonly [name: Text, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => stringWidth(say(name))));
  return fields.map(([name, value]) => `${pad(say(name), width)}  ${value}`).join("\n");
}

/** Rows as aligned columns under their titles, two blanks apart. */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = [
    columns.map(({ title }) => say(title)),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => stringWidth(line[index]!))));
  return cells
    .map((line) =>
      line
        .map((text, index) => pad(text, widths[index]!, columns[index]!.align))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - stringWidth(text)));
  return align === "left" ? text + blanks : blanks + text;
}

/** A duration for a person: `2 h 5 min`, `12 min 30 s`, `45 s`. */
export function formatSpan(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return say({ en: `${hours} h ${minutes} min`, zh: `${hours} 小时 ${minutes} 分` });
  if (minutes > 0) return say({ en: `${minutes} min ${rest} s`, zh: `${minutes} 分 ${rest} 秒` });
  return say({ en: `${rest} s`, zh: `${rest} 秒` });
}
