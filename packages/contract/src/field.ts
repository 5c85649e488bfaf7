import type { Text } from "@quarterpast/domain";
import { z } from "zod";

/** What a number or text is counted in, where that is not in its name. */
export type Unit = "meter unit" | "currency" | "ms" | "bytes" | "minutes";

/** What a person is told of a field. */
export interface FieldInfo {
  /** Its name, as a column or a form shows it. */
  title: Text;
  /** What would be right for it: said whenever it is refused. */
  right?: Text;
  unit?: Unit;
  /** As JSON Schema names it, e.g. `date-time`. */
  format?: string;
}

const infos = z.registry<FieldInfo>();

/** The schema, known under its title; a copy, so that one schema serves fields of several titles. Wrap last. */
export function field<S extends z.ZodType>(info: FieldInfo, schema: S): S {
  const copy = schema.clone();
  infos.add(copy, info);
  return copy;
}

/** What {@link field} said of this very schema. */
export const infoOf = (schema: z.ZodType): FieldInfo | undefined => infos.get(schema);

function infoToKeep(schema: z.ZodType): FieldInfo {
  const info = infoOf(schema);
  if (!info) throw new Error("only a field can be optional: wrap the schema with field()");
  return info;
}

/** The same field, which may be left out. */
export const optional = <S extends z.ZodType>(schema: S): z.ZodOptional<S> =>
  field(infoToKeep(schema), schema.clone().optional());

/** The same field, which may be null. */
export const nullable = <S extends z.ZodType>(schema: S): z.ZodNullable<S> =>
  field(infoToKeep(schema), schema.clone().nullable());

/** The same field under another title. */
export const titled = <S extends z.ZodType>(en: string, zh: string, schema: S): S =>
  field({ ...infoToKeep(schema), title: { en, zh } }, schema);

// Fields of answers, by their titles.

export const text = (en: string, zh: string) => field({ title: { en, zh } }, z.string());
/** One of a closed set of words. */
export const word = <const W extends readonly [string, ...string[]]>(en: string, zh: string, words: W) =>
  field({ title: { en, zh } }, z.enum(words));
/** A whole number of 0 or more. */
export const count = (en: string, zh: string, unit?: Unit) =>
  field({ title: { en, zh }, ...(unit && { unit }) }, z.int().min(0));
export const yesNo = (en: string, zh: string) => field({ title: { en, zh } }, z.boolean());
/** An RFC 3339 time in UTC. */
export const time = (en: string, zh: string) => field({ title: { en, zh }, format: "date-time" }, z.string());
/** An exact decimal as text, never a float; negative where money or usage goes back. */
export const decimal = (en: string, zh: string, unit: Unit) =>
  field({ title: { en, zh }, unit }, z.string().regex(/^-?\d+(\.\d+)?$/));
/** A text in both languages. */
export const bilingual = (en: string, zh: string) =>
  field({ title: { en, zh } }, z.strictObject({ en: text("English", "英文"), zh: text("Chinese", "中文") }));
export const listOf = <S extends z.ZodType>(en: string, zh: string, item: S) =>
  field({ title: { en, zh } }, z.array(item));
/** Counts or texts by a name that is not known beforehand. */
export const byName = <S extends z.ZodType>(en: string, zh: string, value: S) =>
  field({ title: { en, zh } }, z.record(z.string(), value));
/** JSON of whatever form. */
export const anything = (en: string, zh: string) => field({ title: { en, zh } }, z.unknown());
