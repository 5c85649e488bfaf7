import { parseQuantity, PRICE_MODELS, PRICE_PERIODS, readJson, REVENUE_BY } from "@quarterpast/domain";
import { z } from "zod";
import { field } from "./validate.js";

const decimalSchema = z.union([z.string(), z.number()]).transform((raw, context): string => {
  const text = parseQuantity(raw);
  if (text !== undefined) return text;
  context.issues.push({ code: "custom", input: raw });
  return z.NEVER;
});
const DECIMAL = { en: "a decimal of 0 or more, e.g. 0.0125", zh: "不小于 0 的十进制数，例如 0.0125" };
export const optionalDecimal = () => field(DECIMAL, decimalSchema.optional());

export const optionalProduct = () =>
  field(
    { en: "a product as its instances name it", zh: "实例所属产品" },
    z
      .string()
      .regex(/^[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?$/)
      .optional(),
  );

export const priceModel = () =>
  field(
    { en: `one of ${PRICE_MODELS.join(", ")}`, zh: `${PRICE_MODELS.join("、")} 之一` },
    z.enum(PRICE_MODELS),
  );
export const pricePeriod = () =>
  field(
    { en: `one of ${PRICE_PERIODS.join(", ")}`, zh: `${PRICE_PERIODS.join("、")} 之一` },
    z.enum(PRICE_PERIODS).default("month"),
  );
export const currency = () =>
  field(
    { en: "a currency of three capitals, e.g. CNY", zh: "三个大写字母的货币代码，例如 CNY" },
    z.string().regex(/^[A-Z]{3}$/),
  );
export const bands = () =>
  field(
    {
      en: 'a list of {upTo, unitPrice}, rising, the last with upTo null, e.g. [{"upTo":"3","unitPrice":"0.3"},{"upTo":null,"unitPrice":"0.2"}]',
      zh: "由 {upTo, unitPrice} 组成的列表，按 upTo 递增，最后一段 upTo 为 null",
    },
    z
      .array(z.strictObject({ upTo: decimalSchema.nullable(), unitPrice: decimalSchema }))
      .min(1)
      .max(50),
  );

export const month = () =>
  field(
    { en: "a month, e.g. 2026-03", zh: "月份，例如 2026-03" },
    z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/),
  );
export const revenueBy = () =>
  field(
    { en: `one of ${REVENUE_BY.join(", ")}`, zh: `${REVENUE_BY.join("、")} 之一` },
    z.enum(REVENUE_BY).default("product"),
  );

/** A cursor over numbered rows; numbers that are `integer` columns have 9 digits at most. */
export const numberCursor = (digits: 9 | 15 = 15) =>
  field(
    { en: "the value of next of the page before", zh: "上一页的 next 值" },
    z
      .string()
      .regex(digits === 9 ? /^\d{1,9}$/ : /^\d{1,15}$/)
      .transform(Number)
      .optional(),
  );

/** A part of a cursor: it may be empty, and what the database cannot hold is in no row. */
export const ANY_TEXT = /^[^\p{Cc}\p{Cs}]*$/u;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A cursor over rows that are found by several texts, each of its form; see {@link encodeCursor}. */
export const textCursor = (...forms: RegExp[]) =>
  field(
    { en: "the value of next of the page before", zh: "上一页的 next 值" },
    z
      .string()
      .max(1_000)
      .transform((text, context): string[] => {
        const parts = decodeCursor(text);
        if (parts?.length === forms.length && forms.every((form, at) => form.test(parts[at]!))) return parts;
        context.issues.push({ code: "custom", input: text });
        return z.NEVER;
      })
      .optional(),
  );

/** Packs the texts that a row is found by into one that an address can hold. */
export function encodeCursor(...parts: string[]): string {
  return Buffer.from(JSON.stringify(parts), "utf8").toString("base64url");
}

function decodeCursor(text: string): string[] | undefined {
  const read = readJson(Buffer.from(text, "base64url").toString("utf8"), 1);
  const parts = read.ok ? read.value : undefined;
  return Array.isArray(parts) && parts.every((part) => typeof part === "string") ? parts : undefined;
}
