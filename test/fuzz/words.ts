import * as fc from "fast-check";
import type { Random } from "../crash/random.js";
import type { Schema, Words } from "./schema.js";

const URLS = ["https://example.com/a?b=c", "http://localhost:1/", "https://例え.jp/计量"];
const GENERIC = [
  ...[
    "1",
    "2",
    "3",
    "7",
    "10",
    "24",
    "100",
    "true",
    "a",
    "customer-1",
    "m:1",
    "计量 项",
    "x y",
    "CNY",
    "gateway",
  ],
  ...["0.5", "123456789012.123456789012", "0.000001", "1.5", "12", "2026-03"],
];
/** Names for new things: few, so that requests refer to the same ones. */
const NAMES = 40;
const SAMPLES = 40;
/** Fields that another resource has under a different name. */
const ALIASES: Record<string, string> = { type: "code", meter: "code", instance: "instanceId", ref: "sn" };
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/**
 * Creates the words. The same seed and the same learned values produce the same texts.
 * @param nowMs the stack's time: instants are near it
 */
export function createWords(seed: number, nowMs: number): Words {
  const byField = new Map<string, string[]>();
  const made = new Map<string, string[]>();

  function known(name: string): string[] {
    const [resource = "", field = ""] = name.split(".");
    const asId = `${resource.replace(/s$/, "")}Id`;
    const names = [name, `${resource}.${asId}`, `.${field}`, `.${field}Id`, `.${ALIASES[field] ?? field}`];
    return names.flatMap((one) => byField.get(one) ?? []);
  }

  function patternTexts(pattern: string, maxLength: number): string[] {
    const key = `${pattern} ${maxLength}`;
    let texts = made.get(key);
    if (!texts) made.set(key, (texts = sample(pattern, maxLength, seed)));
    return texts;
  }

  function candidates(schema: Schema, name: string, random: Random): string[] {
    const example = schema.examples?.find((one) => typeof one === "string");
    if (example !== undefined && INSTANT.test(example)) return [instantLike(example, nowMs, random)];
    const patterns = [schema, ...(schema.allOf ?? [])].flatMap(({ pattern }) => pattern ?? []);
    const roll = random.next();
    const told = known(name);
    if (roll < 0.6 && told.length > 0) return told;
    if (roll < 0.75 && patterns.length > 0) return patternTexts(patterns.at(-1)!, schema.maxLength ?? 64);
    if (roll < 0.9) return [`${name.split(".")[1] ?? "n"}-${random.int(0, NAMES)}`];
    return example === undefined ? GENERIC : [example];
  }

  return {
    learn(resource, field, value) {
      for (const key of [`${resource}.${field}`, `.${field}`]) {
        const values = byField.get(key) ?? [];
        if (values.length < 200 && !values.includes(value)) values.push(value);
        byField.set(key, values);
      }
    },
    take(schema, name, random) {
      if (schema.format === "uri") return random.pick(URLS);
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const fitting = candidates(schema, name, random).filter((text) => fits(text, schema));
        if (fitting.length > 0) return random.pick(fitting);
      }
      const generic = GENERIC.filter((text) => fits(text, schema));
      return generic.length > 0 ? random.pick(generic) : "x";
    },
  };
}

const patterns = new Map<string, RegExp>();

/** Compiled once, because a pattern with Unicode classes costs more to compile than to test a thousand texts. */
function compiled(pattern: string): RegExp {
  let expression = patterns.get(pattern);
  if (!expression) patterns.set(pattern, (expression = new RegExp(pattern, "u")));
  return expression;
}

/** Whether a text satisfies the schema's length and patterns. */
export function fits(text: string, schema: Schema): boolean {
  const { minLength = 0, maxLength = Infinity, pattern, allOf = [] } = schema;
  if (text.length < minLength || text.length > maxLength) return false;
  if (pattern !== undefined && !compiled(pattern).test(text)) return false;
  return allOf.every((one) => fits(text, one));
}

function sample(pattern: string, maxLength: number, seed: number): string[] {
  try {
    const texts = fc.stringMatching(new RegExp(pattern, "u"), { maxLength: Math.min(maxLength, 80) });
    return fc.sample(texts, { numRuns: SAMPLES, seed });
  } catch {
    // fast-check cannot parse every pattern (negated Unicode classes): then the other sources are used.
    return GENERIC;
  }
}

/** An instant near the stack's time, as precise as the example: an hour if the example is one. */
function instantLike(example: string, nowMs: number, random: Random): string {
  const isHour = /T\d\d:00:00Z$/.test(example) && !example.endsWith("T00:00:00Z");
  const at = isHour
    ? (Math.floor(nowMs / 3_600_000) + random.int(-6, 2)) * 3_600_000
    : nowMs + random.int(-80_000, 200) * 1_000;
  return new Date(at).toISOString().replace(".000", "");
}
