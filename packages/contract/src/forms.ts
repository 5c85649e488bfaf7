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

/** Refuses a value from within a transform. */
function refuse(context: z.RefinementCtx, input: unknown): never {
  context.issues.push({ code: "custom", input });
  return z.NEVER;
}

/** Bill records are printable ASCII (SPEC of domain): what goes into them is refused here where it is not. */
export const ascii = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
export const asciiText = (max: number): Text => ({
  en: `1 to ${max} printable ASCII characters, no blank first or last`,
  zh: ` 1 至 ${max} 个可打印 ASCII 字符，首尾不含空格`,
});

/** Text that every later stage can store: no control characters (NUL among them), no half of a surrogate pair. */
export const plainText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u);
/** What {@link plainText} takes, in words. */
export const printable = (max: number): Text => ({
  en: `1 to ${max} characters without control characters`,
  zh: ` 1 至 ${max} 个字符，不含控制字符`,
});

/** An RFC 3339 time as microseconds. @param rule over the instant. */
export const instant = (rule: (at: Micros) => boolean = () => true) =>
  z.string().transform((text, context): Micros => {
    const at = parseInstant(text);
    return at !== undefined && Number.isSafeInteger(at) && rule(at) ? at : refuse(context, text);
  });
export const isWholeSecond = (at: Micros) => at % SECOND === 0;
export const isHour = (at: Micros) => at % HOUR === 0;

/** A decimal as text or number, read exactly. @param rule over the decimal text. */
export const decimalText = (rule: (text: string) => boolean = () => true) =>
  z.union([z.string(), z.number()]).transform((raw, context): string => {
    const text = parseQuantity(raw);
    return text !== undefined && rule(text) ? text : refuse(context, raw);
  });

/** A text of a query that is a whole number. */
export const wholeNumber = (pattern: RegExp) => z.string().regex(pattern).transform(Number);

/** A text that is read by a function, which gives undefined for what it does not take. */
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

/** A list or object of texts alone; undefined where the text is no such JSON. */
export function parseFlatJson(text: string): unknown {
  const read = parseStrict(text, 1);
  return read.ok ? read.value : undefined;
}
