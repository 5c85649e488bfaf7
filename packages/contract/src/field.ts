import type { Text } from "@quarterpast/domain";
import { z } from "zod";

/** What a number or text is counted in, if its name does not say so. */
export type Unit = "meter unit" | "currency" | "ms" | "bytes" | "minutes";

/** What people read about a field. */
export interface FieldInfo {
  /** Its name in a column or form. */
  title: Text;
  /** Describes a valid value: shown whenever the field is refused. */
  right?: Text;
  unit?: Unit;
  /** As in JSON Schema, e.g. `date-time`. */
  format?: string;
}

const infos = z.registry<FieldInfo>();

/**
 * Registers a schema under its title; returns a copy, so that one schema serves fields of several titles. Wrap last.
 */
export function field<S extends z.ZodType>(info: FieldInfo, schema: S): S {
  const copy = schema.clone();
  infos.add(copy, info);
  return copy;
}

/** What {@link field} registered for exactly this schema. */
export const infoOf = (schema: z.ZodType): FieldInfo | undefined => infos.get(schema);

function infoToKeep(schema: z.ZodType): FieldInfo {
  const info = infoOf(schema);
  if (!info) throw new Error("only a field can be optional: wrap the schema with field()");
  return info;
}

/** The same field, but it may be left out. */
export const optional = <S extends z.ZodType>(schema: S): z.ZodOptional<S> =>
  field(infoToKeep(schema), schema.clone().optional());

/** The same field, but it may be null. */
export const nullable = <S extends z.ZodType>(schema: S): z.ZodNullable<S> =>
  field(infoToKeep(schema), schema.clone().nullable());

/** The same field under another title. */
export const titled = <S extends z.ZodType>(en: string, zh: string, schema: S): S =>
  field({ ...infoToKeep(schema), title: { en, zh } }, schema);

// Fields of answers, by title.

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
/** An exact decimal as text, never a float; negative if money or usage is given back. */
export const decimal = (en: string, zh: string, unit: Unit) =>
  field({ title: { en, zh }, unit }, z.string().regex(/^-?\d+(\.\d+)?$/));
/** A text in both languages. */
export const bilingual = (en: string, zh: string) =>
  field({ title: { en, zh } }, z.strictObject({ en: text("English", "英文"), zh: text("Chinese", "中文") }));
export const listOf = <S extends z.ZodType>(en: string, zh: string, item: S) =>
  field({ title: { en, zh } }, z.array(item));
/** Counts or texts by names that are not known beforehand. */
export const byName = <S extends z.ZodType>(en: string, zh: string, value: S) =>
  field({ title: { en, zh } }, z.record(z.string(), value));
/** JSON of any form. */
export const anything = (en: string, zh: string) => field({ title: { en, zh } }, z.unknown());
