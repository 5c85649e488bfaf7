import { EVENT_LIMITS } from "@quarterpast/domain";
import { z } from "zod";
import { parseDigits } from "./times.js";

/** The result of reading a call. */
export type Read<T> = { ok: true; value: T } | { ok: false; message: string };

/** Bill records carry ids as printable ASCII: other ids are refused here. Blanks around an id are cut. */
const id = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    .regex(/^[\x21-\x7e]+$/);

/** A field that may be left out, null or empty. */
const maybe = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null || value === "" ? undefined : value), schema.optional());

export const orderId = () => id(64);
export const instanceId = () => id(64);
export const businessId = () => id(64);
export const productId = () => id(64);
export const maybeId = () => maybe(id(64));
export const maybeText = (max: number) =>
  maybe(
    z
      .string()
      .max(max)
      .regex(/^[^\0\p{Cs}]*$/u),
  );

/** A customer becomes the subject of usage, so its id must be a valid subject of a usage event. */
export const customerId = () =>
  z
    .string()
    .trim()
    .min(1)
    .max(Math.min(100, EVENT_LIMITS.subjectChars))
    .regex(/^[^\p{Cc}\p{Cs}]+$/u);

export const time = () =>
  z.string().transform((text, context) => {
    const at = parseDigits(text);
    if (at !== undefined) return at;
    context.issues.push({ code: "custom", message: "no time", input: text });
    return z.NEVER;
  });
export const maybeTime = () => maybe(time());

/** Ids separated by commas (koogallery.md 3.2). */
export const instanceIds = (most: number) =>
  z
    .string()
    .max(most * 70)
    .transform((text) => [
      ...new Set(
        text
          .split(",")
          .map((one) => one.trim())
          .filter((one) => one !== ""),
      ),
    ])
    .pipe(z.array(instanceId()).min(1).max(most));

/** Reads by a schema; the message names the wrong field, never its value. */
export function readWith<T>(schema: z.ZodType<T>, input: unknown): Read<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return { ok: true, value: parsed.data };
  const field = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  return { ok: false, message: field === "" ? "invalid parameter" : `invalid parameter: ${field}` };
}
