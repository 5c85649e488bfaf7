import { parseCompact, parseInstant, parseQuantity, SECOND, type Micros } from "@quarterpast/domain";
import { plainText } from "../plainText.js";
import type { Cell } from "./table.js";

/** How to read the times of a file. */
export interface Reading {
  /** How many minutes times without a zone are ahead of UTC; undefined: such a time cannot be read. */
  zoneMinutes: number | undefined;
  from1904: boolean;
}

/**
 * A decimal as a person or a spreadsheet writes it, maybe negative: canonical text, or undefined if it is not a
 * decimal.
 */
export function readDecimal(cell: Cell): string | undefined {
  if (cell.isNumber) return doubleText(cell.text);
  const text = cell.text
    .replace(/[\u00a0\u202f]/g, " ")
    .trim()
    .replace(/^[¥￥$]\s?/, "")
    .replace(/，/g, ",");
  const bracketed = /^\((.+)\)$/.exec(text);
  const isNegative = bracketed !== null || /^[-−]/.test(text);
  const size = (bracketed?.[1] ?? text.replace(/^[-−+]\s?/, "")).replace(/^[¥￥$]\s?/, "");
  const plain = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(size)
    ? size.replace(/,/g, "")
    : /^\d{1,3}( \d{3})+(\.\d+)?$/.test(size)
      ? size.replace(/ /g, "")
      : size;
  // A spreadsheet's scientific form shows fewer digits than there were.
  const quantity = /e/i.test(plain) ? undefined : parseQuantity(plain);
  return quantity === undefined ? undefined : signed(quantity, isNegative);
}

/** A spreadsheet's number is a double: 15 digits are reliable, but the file may show more. */
function doubleText(text: string): string | undefined {
  const value = Number(text);
  if (!Number.isFinite(value) || text === "") return undefined;
  const quantity = parseQuantity(Number(Math.abs(value).toPrecision(15)));
  return quantity === undefined ? undefined : signed(quantity, value < 0);
}

const signed = (quantity: string, isNegative: boolean) =>
  isNegative && quantity !== "0" ? `-${quantity}` : quantity;

/**
 * An id. Not valid if a spreadsheet has turned it into a number and lost digits (`1.23E+17`, or 16 digits and more).
 */
export function readId(cell: Cell): string | undefined {
  const text = cell.text.trim();
  if (text === "" || /^\d(\.\d+)?E\+?\d+$/i.test(text)) return undefined;
  return cell.isNumber && text.replace(/\D/g, "").length > 15 ? undefined : plainText(text);
}

/** A time: in the interface's form, RFC 3339, as people write it, or the serial number of a spreadsheet's date. */
export function readTime(cell: Cell, { zoneMinutes, from1904 }: Reading): Micros | undefined {
  const text = cell.text.trim();
  const known = parseCompact(text) ?? parseInstant(text);
  if (known !== undefined || zoneMinutes === undefined) return known;
  if (/^\d{4,6}(\.\d+)?$/.test(text)) {
    const at = serialTime(text, from1904);
    return at === undefined ? undefined : at - zoneMinutes * 60 * SECOND;
  }
  const written = WRITTEN.exec(text);
  if (!written) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0"] = written;
  const two = (digits: string) => digits.padStart(2, "0");
  const utc = parseInstant(`${year}-${two(month!)}-${two(day!)}T${two(hour)}:${two(minute)}:${two(second)}Z`);
  return utc === undefined ? undefined : utc - zoneMinutes * 60 * SECOND;
}

const WRITTEN =
  /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.0+)?)?)?$/;

const DAYS_TO_1970 = 25_569;
const DAYS_FROM_1900_TO_1904 = 1_462;
const DAY_SECONDS = 86_400n;
/** With this many decimals a serial number determines the second, however it was rounded. */
const ENOUGH_DECIMALS = 6;
const QUARTER_SECONDS = 900n;

/** A serial day to its whole second; undefined if its decimals were cut so that it could be another second. */
function serialTime(text: string, from1904: boolean): Micros | undefined {
  const [whole, fraction = ""] = text.split(".") as [string, string?];
  const scale = 10n ** BigInt(fraction.length);
  const parts = BigInt(fraction || "0") * DAY_SECONDS;
  const seconds = (parts * 2n + scale) / (scale * 2n);
  const isExact = parts === seconds * scale && seconds % QUARTER_SECONDS === 0n;
  if (fraction.length < ENOUGH_DECIMALS && !isExact) return undefined;
  const days = Number(whole) - DAYS_TO_1970 + (from1904 ? DAYS_FROM_1900_TO_1904 : 0);
  const at = days * 86_400 + Number(seconds);
  return at >= 0 ? at * SECOND : undefined;
}

/** A month: `2026-03`, `2026年3月`, `202603`, or any time in it. @returns `YYYY-MM` */
export function readMonth(cell: Cell, reading: Reading): string | undefined {
  const text = cell.text.trim();
  const match = /^(20\d\d)[-/.年]?(\d{1,2})月?$/.exec(text);
  if (match && !cell.isNumber) return monthText(match[1]!, match[2]!);
  if (/^20\d{4}$/.test(text)) return monthText(text.slice(0, 4), text.slice(4));
  const at = readTime(cell, { ...reading, zoneMinutes: 0 });
  return at === undefined ? undefined : new Date(at / 1_000).toISOString().slice(0, 7);
}

function monthText(year: string, month: string): string | undefined {
  return Number(month) >= 1 && Number(month) <= 12 ? `${year}-${month.padStart(2, "0")}` : undefined;
}

const REFUND = /退|refund|冲正|reversal/i;

/** Whether a transaction's type says that money was given back. */
export const isRefund = (type: string): boolean => REFUND.test(type);

/** Money given back is negative, however the file writes it. */
export const refundAmount = (amount: string, refund: boolean): string =>
  refund && !amount.startsWith("-") && amount !== "0" ? `-${amount}` : amount;

const CURRENCIES: Readonly<Record<string, string>> = {
  元: "CNY",
  人民币: "CNY",
  rmb: "CNY",
  "¥": "CNY",
  美元: "USD",
  $: "USD",
};

/** The code of a currency from its code, sign or Chinese name. */
export function currencyOf(text: string): string | undefined {
  const word = text.trim().toLowerCase();
  if (Object.hasOwn(CURRENCIES, word)) return CURRENCIES[word];
  return /^[a-z]{3}$/.test(word) ? word.toUpperCase() : undefined;
}
