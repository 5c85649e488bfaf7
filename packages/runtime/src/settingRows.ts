import { z } from "zod";
import type { Text } from "./text.js";

/** What each setting is for, as a person reads it; docs/settings.md is made of it. */
export const settingMeanings = z.registry<Text>();

/** What each setting may be, and how its value is written. */
export const settingRights = z.registry<{ right: Text; show: (value: unknown) => string }>();

/** One setting as a page shows it. */
export interface SettingRow {
  name: string;
  /** As it would be written; undefined if there is none. */
  default: string | undefined;
  /** Whether a process does not start without it. */
  isRequired: boolean;
  /** What it may be. */
  right: Text;
  meaning: Text;
}

/**
 * The settings of a schema, in its order.
 * @throws Error for one without a meaning: it would be on no page
 */
export function settingRows(schema: z.ZodObject): SettingRow[] {
  return Object.entries(schema.shape).map(([name, one]) => {
    const meaning = settingMeanings.get(one as z.core.$ZodType);
    if (meaning === undefined) throw new Error(`the setting ${name} has no meaning`);
    return { name, ...shapeOf(one as z.core.$ZodType), meaning };
  });
}

function shapeOf(schema: z.core.$ZodType): Pick<SettingRow, "default" | "isRequired" | "right"> {
  if (schema instanceof z.ZodOptional)
    return { ...shapeOf(schema.unwrap()), default: undefined, isRequired: false };
  if (schema instanceof z.ZodDefault) {
    const { right, show } = rightOf(schema.unwrap());
    return { default: show(schema.def.defaultValue), isRequired: false, right };
  }
  return { default: undefined, isRequired: true, right: rightOf(schema).right };
}

function rightOf(schema: z.core.$ZodType): { right: Text; show: (value: unknown) => string } {
  if (schema instanceof z.ZodEnum) {
    const words = schema.options;
    return { right: { en: `one of ${words.join(", ")}`, zh: `${words.join("、")} 之一` }, show: String };
  }
  const known = settingRights.get(schema);
  if (known === undefined) throw new Error("a setting says what it may be: make it by `setting`");
  return known;
}
