import type { Text } from "@quarterpast/domain";
import type { z } from "zod";
import {
  createDocument,
  type ZodOpenApiContentObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiRequestBodyObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi";
import { API } from "./api.js";
import { COLLECTOR } from "./collector.js";
import { infoOf } from "./field.js";
import { problem } from "./problem.js";
import { isFile, isNothing, isStream, isTyped, type Answers, type Contract, type Route } from "./route.js";

/** What a document is about. */
export interface About {
  title: string;
  version: string;
}

/** The parts of a document that its readers here use. */
export interface OpenApi {
  openapi: string;
  info: Record<string, unknown>;
  security: Record<string, string[]>[];
  paths: Record<string, unknown>;
  components: Record<string, unknown>;
}

/** The committed documents of the services, as JSON text by name. */
export function documents(storefront: Contract): Record<"api" | "collector" | "storefront", string> {
  const write = (title: string, contract: Contract) =>
    `${JSON.stringify(openApiOf(contract, { title, version: "0" }), null, 1)}\n`;
  return {
    api: write("quarterpast api", API),
    collector: write("quarterpast collector", COLLECTOR),
    storefront: write("quarterpast storefront", storefront),
  };
}

const PROBLEM = problem.meta({ id: "Problem" });

/** A contract as an OpenAPI 3.1 document, with every request and all possible answers. */
export function openApiOf(contract: Contract, { title, version }: About): OpenApi {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [name, route] of Object.entries(contract)) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(name, route);
  }
  const document = createDocument(
    {
      openapi: "3.1.0",
      info: { title, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
      security: [{ key: [] }],
      paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
      components: {
        schemas: linesOf(contract),
        securitySchemes: { key: { type: "http", scheme: "bearer", bearerFormat: "qp_<id>_<secret>" } },
      },
    },
    {
      // The description says what JSON Schema cannot express.
      override: ({ zodSchema, jsonSchema }) => describeField(zodSchema as unknown as z.ZodType, jsonSchema),
      allowEmptySchema: { unknown: true, transform: { input: true }, custom: true },
    },
  );
  return document as unknown as OpenApi;
}

function operationOf(
  name: string,
  { summary, roles, params, query, body, answers, method }: Route,
): ZodOpenApiOperationObject {
  return {
    operationId: name,
    summary: summary.en,
    description: roles.length === 0 ? "No key" : `Roles: ${roles.join(", ")}`,
    "x-summary": summary,
    ...(roles.length === 0 && { security: [] }),
    ...((params ?? query) && {
      requestParams: { ...(params && { path: params }), ...(query && { query }) },
    }),
    ...(body && { requestBody: requestBodyOf(name, body) }),
    responses: responsesOf(name, { answers, method, roles }),
  };
}

function requestBodyOf(name: string, body: NonNullable<Route["body"]>): ZodOpenApiRequestBodyObject {
  if (isFile(body)) {
    return { required: true, description: body.right.en, content: contentOf(body.types, BINARY) };
  }
  if (!isTyped(body)) {
    return { required: !body.isOptional(), content: { "application/json": { schema: body } } };
  }
  const content = Object.entries(body.types).map(([type, schema]) => [
    type,
    schema ? { schema } : linesContent(name),
  ]);
  return { required: true, content: Object.fromEntries(content) as ZodOpenApiContentObject };
}

const linesContent = (name: string) => ({
  schema: BINARY,
  "x-line": { $ref: `#/components/schemas/${lineName(name)}` },
});

const BINARY = { type: "string", format: "binary" } as const;
const contentOf = <S>(types: readonly string[], schema: S) =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

/** The lines of each stream, as components: OpenAPI has no place for them at the stream itself. */
function linesOf(contract: Contract): Record<string, z.ZodType> {
  const lines = Object.entries(contract).flatMap(([name, { answers, body }]) =>
    [
      ...(isTyped(body) ? [body.line] : []),
      ...Object.values(answers)
        .filter(isStream)
        .flatMap((answer) => Object.values(answer.lines)),
    ].flatMap((line) => (line ? [[lineName(name), line] as const] : [])),
  );
  return Object.fromEntries(lines);
}
const lineName = (name: string) => `${name}Line`;

function responsesOf(
  name: string,
  { answers, method, roles }: Pick<Route, "answers" | "method" | "roles">,
): ZodOpenApiResponsesObject {
  const told = Object.entries(answers).map(([status, answer]) => [status, responseOf(name, answer)] as const);
  const hasTag = roles.length > 0 && method === "GET" && !Object.values(answers).some(isStream);
  return {
    ...Object.fromEntries(told),
    ...(hasTag && { "304": { description: "Unchanged since the ETag that you sent" } }),
    default: {
      description: "Refused: a stable code, in English and Chinese",
      content: { "application/problem+json": { schema: PROBLEM } },
    },
  };
}

function responseOf(name: string, answer: Answers[number]) {
  if (isNothing(answer)) return { description: "Done; the answer has no body" };
  if (!isStream(answer)) return { description: "Done", content: { "application/json": { schema: answer } } };
  const content = Object.entries(answer.lines).map(([type, line]) => [
    type,
    line ? linesContent(name) : { schema: BINARY },
  ]);
  return {
    description: "Done: a stream of lines",
    content: Object.fromEntries(content) as ZodOpenApiContentObject,
  };
}

type Json = Record<string, unknown>;

function describeField(schema: z.ZodType, json: Json): void {
  const info = infoOf(schema);
  if (!info) return;
  const { title, right, unit, format } = info;
  Object.assign(json, { title: title.en, "x-title": title satisfies Text });
  if (unit !== undefined) json["x-unit"] = unit;
  if (format !== undefined && json["anyOf"] === undefined) json["format"] = format;
  if (!right) return;
  json["description"] = right.en;
  const example = /e\.g\. (.+)$/.exec(right.en)?.[1];
  if (example !== undefined) json["examples"] = [exampleOf(example, json["type"])];
}

/** The example at the end of a field's description, as a value of its type. */
function exampleOf(text: string, type: unknown): unknown {
  return type === "array" || type === "object" ? JSON.parse(text) : text;
}
