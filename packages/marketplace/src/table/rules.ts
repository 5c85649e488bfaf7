/** What a list lists: bill records, or the money that was charged for them. */
export const IMPORT_KINDS = ["sdr", "bill"] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

/** What a marketplace made of a record: still to be validated, valid, void, or in a formal bill. */
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

/** How codes of records are written: prefixes that may stand before them, and zeros that spreadsheets cut. */
export interface CodeForm {
  prefixes: readonly string[];
  digits: number;
}

/** What a marketplace calls things in its lists: plain data, so that a thread may have it. */
export interface ListRules {
  /** Headers by which a column is known, after {@link normalWord}; the first is the one of the interface. */
  headers: {
    sdr: Readonly<Record<SdrField, readonly string[]>>;
    bill: Readonly<Record<BillField, readonly string[]>>;
  };
  /** Words for the states, after {@link normalWord}. */
  states: Readonly<Record<string, StatedState>>;
  codes: CodeForm;
}

/** How a file of a kind is read: saved under a name, so that next month's export needs no thought. */
export interface ImportProfile {
  kind: ImportKind;
  /** Headers of the file by field, beside those that are known anyway. */
  columns: Partial<Record<ImportField, string>>;
  /** Minutes that times without a zone are ahead of UTC: 480 for Beijing. */
  zoneMinutes: number;
  /** Name of the sheet; the first where absent. */
  sheet?: string | undefined;
  /** Currency of a bill that has no column for it. */
  currency?: string | undefined;
}

/** A header or a word for comparison: lower case, without blanks, underscores, hyphens, stars, byte order mark. */
export function normalWord(text: string): string {
  return text.toLowerCase().replace(/[\s_*\-\ufeff]/g, "");
}

/** A code (`5`, `005`, `ABC.005`) with all its digits; what has another form is given back as it is. */
export function normalCode(raw: string, { prefixes, digits }: CodeForm): string {
  const text = raw.trim();
  const form = new RegExp(`^(?:(?:${prefixes.join("|")})\\s*[._-]\\s*)?(\\d{1,${digits}})$`, "i");
  return form.exec(text)?.[1]?.padStart(digits, "0") ?? text;
}
