import type { Random } from "../crash/random.js";

/** The part of JSON Schema that the documents use. */
export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
}

/**
 * Texts for string fields: from the stack's own answers, from the schemas' examples, and generated from their
 * patterns.
 */
export interface Words {
  /** Learns a value that an answer had in a field of a resource. */
  learn(resource: string, field: string, value: string): void;
  /** A text that fits the schema, if one is known or can be made. */
  take(schema: Schema, name: string, random: Random): string;
}

/** The input for making a value: randomness, words for texts, and the name of the field. */
export interface Making {
  random: Random;
  words: Words;
  /** Of the field, preceded by its resource: `cases.id`. */
  name: string;
}

/** A value that the schema allows, as far as a schema can say. */
export function valueOf(schema: Schema, making: Making): unknown {
  const { random } = making;
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return valueOf(random.pick(options), making);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  switch (typeOf(schema, random)) {
    case "object":
      return objectOf(schema, making);
    case "array":
      return arrayOf(schema, making);
    case "integer":
    case "number":
      return numberOf(schema, random);
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    default:
      return random.chance(0.5) && schema.examples?.some((one) => typeof one !== "string")
        ? random.pick(schema.examples)
        : making.words.take(schema, making.name, random);
  }
}

function typeOf(schema: Schema, random: Random): string {
  if (Array.isArray(schema.type)) return random.pick(schema.type);
  return schema.type ?? (schema.properties ? "object" : "string");
}

function objectOf(schema: Schema, making: Making): Record<string, unknown> {
  const { random } = making;
  const made: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    if (!schema.required?.includes(name) && random.chance(0.5)) continue;
    made[name] = valueOf(one, { ...making, name: `${making.name.split(".")[0]}.${name}` });
  }
  const { additionalProperties: more } = schema;
  if (typeof more === "object" && random.chance(0.2)) made[`ext${random.int(0, 9)}`] = valueOf(more, making);
  return made;
}

function arrayOf({ items = {}, minItems = 0, maxItems = 4 }: Schema, making: Making): unknown[] {
  const length = making.random.int(minItems, Math.min(maxItems, minItems + 2));
  return Array.from({ length }, () => valueOf(items, making));
}

function numberOf({ minimum = 0, maximum = 1_000, type }: Schema, random: Random): number {
  const [low, high] = [Math.max(minimum, -1e6), Math.min(maximum, 1e6)];
  if (random.chance(0.1)) return random.pick([low, high]);
  const whole = random.int(low, high);
  return type === "integer" || random.chance(0.5)
    ? whole
    : Math.min(high, whole + random.int(0, 999) / 1_000);
}
