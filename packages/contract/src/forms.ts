import {
  HOUR,
  parseInstant,
  parseQuantity,
  parseStrict,
  SECOND,
  type Micros,
  type Text,
} from "@quarterpast/domain";
import { z } from "zod";

/** Refuses a value inside a transform. */
function refuse(context: z.RefinementCtx, input: unknown): never {
  context.issues.push({ code: "custom", input });
  return z.NEVER;
}

/** Bill records are printable ASCII (SPEC of domain): other values for their fields are refused here. */
export const ascii = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
export const asciiText = (max: number): Text => ({
  en: `1 to ${max} printable ASCII characters, without leading or trailing blanks`,
  zh: ` 1 至 ${max} 个可打印 ASCII 字符，首尾不含空格`,
});

/** Text that every later stage can store: no control characters (NUL among them), no half of a surrogate pair. */
export const plainText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u);
/** What {@link plainText} accepts, in words. */
export const printable = (max: number): Text => ({
  en: `1 to ${max} characters without control characters`,
  zh: ` 1 至 ${max} 个字符，不含控制字符`,
});

/** An RFC 3339 time as microseconds. @param rule a further check of the instant. */
export const instant = (rule: (at: Micros) => boolean = () => true) =>
  z.string().transform((text, context): Micros => {
    const at = parseInstant(text);
    return at !== undefined && Number.isSafeInteger(at) && rule(at) ? at : refuse(context, text);
  });
export const isWholeSecond = (at: Micros) => at % SECOND === 0;
export const isHour = (at: Micros) => at % HOUR === 0;

/** A decimal as text or number, read exactly. @param rule a further check of the decimal text. */
export const decimalText = (rule: (text: string) => boolean = () => true) =>
  z.union([z.string(), z.number()]).transform((raw, context): string => {
    const text = parseQuantity(raw);
    return text !== undefined && rule(text) ? text : refuse(context, raw);
  });

/** A whole number in a query. */
export const wholeNumber = (pattern: RegExp) => z.string().regex(pattern).transform(Number);

/** A text parsed by a function that returns undefined for invalid text. */
export const readBy = <T>(mostChars: number, read: (text: string) => T | undefined) =>
  z
    .string()
    .max(mostChars)
    .transform((text, context): T => read(text) ?? refuse(context, text));

/** `one of a, b` in words. */
export const oneOf = (words: readonly string[]): Text => ({
  en: `one of ${words.join(", ")}`,
  zh: `${words.join("、")} 之一`,
});

/** A list or object that contains only texts; undefined if the text is anything else. */
export function parseFlatJson(text: string): unknown {
  const read = parseStrict(text, 1);
  return read.ok ? read.value : undefined;
}
