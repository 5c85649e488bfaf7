import { expect, test } from "vitest";
import { filesUnder, read } from "./files.js";

/** Tables and views whose rows belong to an account. */
const OWNED = [
  ...[
    "instances",
    "account_hours",
    "chains",
    "records",
    "submissions",
    "rereports",
    "own_states",
    "call_totals",
  ],
  ...["statements", "findings", "bill_findings", "import_profiles", "cases", "price_plans", "products"],
  ...["orders", "subscriptions", "packages", "calls", "hooks", "manifests", "manifest_totals", "anchors"],
  ...["billing.records", "billing.records_by_hour", "billing.findings", "billing.revenue", "billing.credits"],
];

/** Each names one row of one account, and was returned by a statement that names the account. */
const KEYS =
  /\b(submission_id|subscription_no|package_no|hook_id|request_id|rerun_id|case_id|instance_no|sn) = (\$\d|ANY)/;
/** Rows of events, by the seller's own identity; they belong to an account through their instances. */
const EVENT_ROWS = /JOIN events e (USING \(source_no, key\)|ON e\.occurred)/;

/** Statements over all accounts, on purpose: their beginnings, and the reasons. */
const OF_THE_SELLER: Record<string, string> = {
  "SELECT EXISTS (SELECT 1 FROM submissions WHERE is_owed(state))":
    "product time is the seller's: it may not jump while any account owes records",
};

test("every statement over rows of an account names the account", () => {
  const found: string[] = [];
  for (const path of filesUnder("packages/store/src").filter((file) => file.endsWith(".ts")))
    for (const sql of statementsOf(read(path)))
      if (isWithoutAccount(sql)) found.push(`${path}: ${sql.trim().slice(0, 100)}`);
  expect(found).toEqual([]);
});

test("a statement that names none would be found", () => {
  const source =
    'const SELECT = `SELECT sn FROM records`;\nquery(`${SELECT} WHERE hour = $1`);\nquery("UPDATE submissions SET code = $1");';
  expect(statementsOf(source).filter(isWithoutAccount)).toEqual([
    "SELECT sn FROM records WHERE hour = $1",
    "UPDATE submissions SET code = $1",
  ]);
});

/**
 * String literals of a source that are whole statements; one that begins with a constant is read where it is used.
 */
function statementsOf(source: string): string[] {
  const parts = new Map(
    [...source.matchAll(/const ([A-Z_]+) = `(SELECT [^`]*)`/g)].map(
      (match) => [match[1]!, match[2]!] as const,
    ),
  );
  return [...source.matchAll(/`((?:[^`\\]|\\.)*)`|"((?:[^"\\\n]|\\.)*)"/g)]
    .map((match) => match[1] ?? match[2] ?? "")
    .filter((text) => ![...parts.values()].includes(text))
    .map((text) => text.replace(/\$\{([A-Z_]+)\}/g, (whole, name: string) => parts.get(name) ?? whole))
    .filter((text) => /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b/.test(text));
}

function isWithoutAccount(sql: string): boolean {
  const used = [...sql.matchAll(/\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:ONLY\s+)?([\w.]+)/g)].map(
    (match) => match[1]!,
  );
  if (!used.some((table) => OWNED.includes(table)) || /account/.test(withoutNames(sql))) return false;
  const isOfSeller = Object.keys(OF_THE_SELLER).some((begin) => sql.trim().startsWith(begin));
  return !isOfSeller && !KEYS.test(sql) && !EVENT_ROWS.test(sql);
}

/** An output column's name does not show which rows are read. */
const withoutNames = (sql: string): string => sql.replace(/ AS "?\w+"?/g, "");
