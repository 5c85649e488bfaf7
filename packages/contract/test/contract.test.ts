import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  API,
  COLLECTOR,
  infoOf,
  isFile,
  isNothing,
  isStream,
  isTyped,
  problem,
  storefrontContract,
  type Contract,
  type Route,
} from "@quarterpast/contract";
import { storefrontCalls } from "@quarterpast/marketplace";
import { documents, openApiOf } from "@quarterpast/contract/openapi";

const STOREFRONT = storefrontContract(storefrontCalls());
const SERVICES: Record<string, Contract> = { api: API, collector: COLLECTOR, storefront: STOREFRONT };

test.each(Object.entries(documents(STOREFRONT)))(
  "docs/openapi/%s.json is what the contract says",
  (name, text) => {
    const committed = readFileSync(new URL(`../../../docs/openapi/${name}.json`, import.meta.url), "utf8");
    // Compared as a whole, without printing a diff of half a megabyte: `npm run openapi` rewrites it.
    expect(committed === text, "run npm run openapi and commit what it writes").toBe(true);
  },
);

type Json = Record<string, unknown>;

/** Every schema in a document's answers, with its position. */
function* answersOf(document: object): Generator<[where: string, schema: Json]> {
  const { paths } = document as { paths: Record<string, Record<string, { responses: Json }>> };
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { responses }] of Object.entries(methods))
      for (const [status, response] of Object.entries(responses as Record<string, { content?: Json }>))
        for (const [type, { schema }] of Object.entries(
          (response.content ?? {}) as Record<string, { schema: Json }>,
        ))
          yield [`${method} ${path} ${status} ${type}`, schema];
}

test.each(Object.entries(SERVICES))(
  "no answer of the %s is an object without properties",
  (title, contract) => {
    const empty = [...answersOf(openApiOf(contract, { title, version: "0" }))].flatMap(([where, schema]) => {
      const isSaid =
        ["$ref", "properties", "oneOf", "anyOf"].some((name) => name in schema) ||
        schema["type"] === "string";
      return isSaid ? [] : [where];
    });
    expect(empty).toEqual([]);
  },
);

/** The objects that a route takes and answers, by position. */
function objectsOf({ params, query, body, answers }: Route): [where: string, schema: z.ZodType][] {
  const bodies = !body || isFile(body) ? [] : isTyped(body) ? [body.line] : [body];
  const answered = Object.entries(answers).flatMap(([status, answer]): [string, z.ZodType][] => {
    if (isNothing(answer)) return [];
    if (!isStream(answer)) return [[status, answer]];
    return Object.entries(answer.lines).flatMap(([type, line]): [string, z.ZodType][] =>
      line ? [[type, line]] : [],
    );
  });
  return [
    ...(params ? [["params", params] as [string, z.ZodType]] : []),
    ...(query ? [["query", query] as [string, z.ZodType]] : []),
    ...bodies.map((schema): [string, z.ZodType] => ["body", schema]),
    ...answered,
  ];
}

/** Fields without a title in both languages, at any depth. */
function untitled(schema: z.ZodType, where: string): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, one]) => {
      const title = infoOf(one)?.title;
      const isTitled = title !== undefined && title.en !== "" && /\p{Script=Han}|[A-Za-z]/u.test(title.zh);
      return [...(isTitled ? [] : [`${where}.${name}`]), ...untitled(one, `${where}.${name}`)];
    });
  }
  if (schema instanceof z.ZodArray) return untitled(schema.element as z.ZodType, `${where}[]`);
  if (schema instanceof z.ZodUnion)
    return (schema.options as z.ZodType[]).flatMap((option) => untitled(option, where));
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return untitled(schema.unwrap() as z.ZodType, where);
  if (schema instanceof z.ZodRecord) return untitled(schema.valueType as z.ZodType, `${where}{}`);
  return [];
}

test("every field that is sent or answered has a title in English and Chinese", () => {
  const routes = Object.values(SERVICES).flatMap((contract) => Object.entries(contract));
  const missing = routes.flatMap(([name, route]) =>
    objectsOf(route).flatMap(([where, schema]) => untitled(schema, `${name} ${where}`)),
  );
  expect([...missing, ...untitled(problem, "problem")]).toEqual([]);
});

describe.each(Object.entries(SERVICES))("the %s", (_name, contract) => {
  test("has each way to ask once, and each path's parameters", () => {
    const ways = Object.values(contract).map(({ method, path }) => `${method} ${path}`);
    expect(new Set(ways).size).toBe(ways.length);
    for (const [name, { path, params }] of Object.entries(contract)) {
      const named = [...path.matchAll(/:(\w+)/g)].map(([, one]) => one);
      expect(Object.keys(params?.shape ?? {}), name).toEqual(named);
    }
  });
});

test("what changes something asks for an operator's key", () => {
  const others = Object.entries(API).flatMap(([name, { method, roles }]: [string, Route]) =>
    method !== "GET" && roles.join() !== "operator" ? [name] : [],
  );
  expect(others).toEqual([]);
});
