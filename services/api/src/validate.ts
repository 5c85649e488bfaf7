import type { IncomingMessage, ServerResponse } from "node:http";
import type { Text } from "@quarterpast/domain";
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from "fastify";
import { z } from "zod";
import { refusal } from "./refuse.js";

/** What would be right for a field, told with every refusal of it. */
const rights = z.registry<Text>();

/** The schema with what would be right for it, in both languages. Wrap last: the text stays with this very schema. */
export function field<S extends z.ZodType>(right: Text, schema: S): S {
  rights.add(schema, right);
  return schema;
}

/** What would be right for a schema that {@link field} wrapped. */
export const rightOf = (schema: z.ZodType): Text | undefined => rights.get(schema);

/** Gives handlers the types that the zod schemas of their route give. */
export interface ZodTypes extends FastifyTypeProvider {
  validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
}

/** A server whose routes carry zod schemas for `body`, `params` and `querystring`. */
export type Routes = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypes
>;

/** Checks requests by the zod schemas of their routes; what breaks them is refused with every field at once. */
export function validateByZod(app: FastifyInstance): Routes {
  app.setValidatorCompiler(({ schema }) => (given: unknown) => {
    // Fastify gives null where there is no body.
    const data = given ?? undefined;
    const result = (schema as z.ZodType).safeParse(data);
    return result.success
      ? { value: result.data }
      : { error: invalid(schema as z.ZodType, result.error, data) };
  });
  return app.withTypeProvider<ZodTypes>();
}

interface Wrong {
  field: string;
  detail: Text;
}

function invalid(schema: z.ZodType, error: z.ZodError, data: unknown) {
  const wrongs = error.issues.flatMap((issue) => describe(schema, issue, data));
  const detail = {
    en: wrongs.map((wrong) => wrong.detail.en).join("; "),
    zh: wrongs.map((wrong) => wrong.detail.zh).join("；"),
  };
  const fields = wrongs.map(({ field: name, detail: text }) => ({ field: name, detail: text.en }));
  return refusal("field_invalid", detail, { field: wrongs[0]!.field, fields });
}

function describe(schema: z.ZodType, issue: z.core.$ZodIssue, data: unknown): Wrong[] {
  const shape = shapeOf(schema);
  const known = Object.keys(shape).join(", ") || "none";
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      field: key,
      detail: {
        en: `${show(key)} is not known here; known fields: ${known}`,
        zh: `未知字段 ${show(key)}；可用字段：${known}`,
      },
    }));
  }
  const name = String(issue.path[0] ?? "body");
  const value = issue.path.length === 0 ? data : (data as Record<string, unknown>)[name];
  const wrong = issue.path.length === 0 ? schema : shape[name];
  const right = wrong && rights.get(wrong);
  const wanted = right ?? { en: `an object with the fields ${known}`, zh: `含字段 ${known} 的对象` };
  if (value === undefined) {
    return [
      {
        field: name,
        detail: { en: `${name} is missing: give ${wanted.en}`, zh: `缺少 ${name}：应为${wanted.zh}` },
      },
    ];
  }
  const text = {
    en: `${name} ${show(value)}: give ${wanted.en}`,
    zh: `${name} ${show(value)}：应为${wanted.zh}`,
  };
  return [{ field: name, detail: text }];
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> {
  const inner = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema;
  return inner instanceof z.ZodObject ? inner.shape : {};
}

function show(value: unknown): string {
  const text = textOf(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** JSON.stringify goes as deep as the value does: nesting that was read well can be too deep to be written. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that is nested too deep";
  }
}
