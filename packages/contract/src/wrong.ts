import { showJson, type Text } from "@quarterpast/domain";
import { z } from "zod";
import { infoOf } from "./field.js";

/** One error in a request: the field, its value and what would be right. */
export interface Wrong {
  field: string;
  detail: Text;
}

/** Everything that breaks a schema, field by field. @param data as it was sent. */
export function wrongsOf(schema: z.ZodType, error: z.ZodError, data: unknown): [Wrong, ...Wrong[]] {
  return error.issues.flatMap((issue) => describe(schema, issue, data)) as [Wrong, ...Wrong[]];
}

function describe(schema: z.ZodType, issue: z.core.$ZodIssue, data: unknown): Wrong[] {
  const shape = shapeOf(schema);
  const known = Object.keys(shape).join(", ") || "none";
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    return issue.keys.map((key) => ({
      field: key,
      detail: {
        en: `${show(key)} is not a known field; known fields: ${known}`,
        zh: `未知字段 ${show(key)}；可用字段：${known}`,
      },
    }));
  }
  const name = String(issue.path[0] ?? "body");
  const value = issue.path.length === 0 ? data : (data as Record<string, unknown>)[name];
  const wrong = issue.path.length === 0 ? schema : shape[name];
  const right = wrong && infoOf(wrong)?.right;
  const wanted = right ?? { en: `an object with the fields ${known}`, zh: `含字段 ${known} 的对象` };
  const detail =
    value === undefined
      ? { en: `${name} is missing: give ${wanted.en}`, zh: `缺少 ${name}：应为${wanted.zh}` }
      : { en: `${name} ${show(value)}: give ${wanted.en}`, zh: `${name} ${show(value)}：应为${wanted.zh}` };
  return [{ field: name, detail }];
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> {
  const inner = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema;
  return inner instanceof z.ZodObject ? inner.shape : {};
}

const SHOWN_CHARS = 80;

function show(value: unknown): string {
  const text = showJson(value);
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
