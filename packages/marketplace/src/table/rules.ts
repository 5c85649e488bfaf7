/** What a list contains: bill records, or the money that was charged for them. */
export const IMPORT_KINDS = ["sdr", "bill"] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

/** A record's state at the marketplace: not validated yet, valid, void, or in a formal bill. */
export const STATED_STATES = ["pending", "normal", "abnormal", "billed"] as const;
export type StatedState = (typeof STATED_STATES)[number];

/** Columns of a list of bill records. */
export type SdrField =
  "serialNumber" | "instanceId" | "begin" | "end" | "quantity" | "state" | "code" | "collectedAt";

/** Columns of transaction details and monthly bills. */
export type BillField =
  | "month"
  | "serialNumber"
  | "instanceId"
  | "product"
  | "customer"
  | "orderId"
  | "begin"
  | "end"
  | "quantity"
  | "amount"
  | "currency"
  | "type";
export type ImportField = SdrField | BillField;

/**
 * How codes of records are written: possible prefixes, and the number of digits, because spreadsheets remove zeros.
 */
export interface CodeForm {
  prefixes: readonly string[];
  digits: number;
}

/** The marketplace's names in its lists: plain data, so that it can be passed to a thread. */
export interface ListRules {
  /** Known headers of a column, after {@link normalWord}; the first is that of the interface. */
  headers: {
    sdr: Readonly<Record<SdrField, readonly string[]>>;
    bill: Readonly<Record<BillField, readonly string[]>>;
  };
  /** Words for the states, after {@link normalWord}. */
  states: Readonly<Record<string, StatedState>>;
  codes: CodeForm;
}

/** How to read a file of a kind: saved under a name, to reuse for next month's export. */
export interface ImportProfile {
  kind: ImportKind;
  /** Headers of the file by field, in addition to the known ones. */
  columns: Partial<Record<ImportField, string>>;
  /** How many minutes times without a zone are ahead of UTC: 480 for Beijing. */
  zoneMinutes: number;
  /** Name of the sheet, by default the first. */
  sheet?: string | undefined;
  /** Currency of a bill that has no column for it. */
  currency?: string | undefined;
}

/** A header or a word for comparison: lower case, without blanks, underscores, hyphens, stars, byte order mark. */
export function normalWord(text: string): string {
  return text.toLowerCase().replace(/[\s_*\-\ufeff]/g, "");
}

/** A code (`5`, `005`, `ABC.005`) with all its digits; any other form is returned unchanged. */
export function normalCode(raw: string, { prefixes, digits }: CodeForm): string {
  const text = raw.trim();
  const form = new RegExp(`^(?:(?:${prefixes.join("|")})\\s*[._-]\\s*)?(\\d{1,${digits}})$`, "i");
  return form.exec(text)?.[1]?.padStart(digits, "0") ?? text;
}
