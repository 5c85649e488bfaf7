import { KEY_ROLES, type Text } from "@quarterpast/domain";
import type { FastifyInstance, RouteOptions } from "fastify";
import { z } from "zod";
import { mayDo } from "./keyring.js";
import { rightOf } from "./validate.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The content types of a body that is a file. */
    consumes?: readonly string[];
  }
}

interface Operation {
  method: string;
  path: string;
  consumes: readonly string[];
  schema: Partial<Record<"params" | "querystring" | "body", z.ZodType>>;
}

const PREFIX = "/v1";
const JSON_ALONE = ["application/json"];
const METHODS = new Set(["GET", "POST", "PUT", "DELETE"]);

/** Notes every route as it is added, and answers `GET /v1/openapi.json` with all of them as OpenAPI 3.1. */
export function addOpenApi(scope: FastifyInstance, version: string): void {
  const operations: Operation[] = [];
  let made: object | undefined;
  scope.addHook("onRoute", (route: RouteOptions) => {
    for (const method of [route.method].flat()) {
      if (!METHODS.has(method)) continue;
      const { consumes = JSON_ALONE } = route.config ?? {};
      operations.push({
        method,
        path: route.url,
        consumes,
        schema: (route.schema ?? {}) as Operation["schema"],
      });
    }
  });
  scope.get("/openapi.json", () => (made ??= openApiOf(operations, version)));
}

function openApiOf(operations: readonly Operation[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.0",
    info: { title: "quarterpast", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    security: [{ key: [] }],
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", bearerFormat: "qp_<id>_<secret>" } },
      schemas: { Problem: PROBLEM },
    },
  };
}

function describe({ method, path, consumes, schema }: Operation): object {
  const roles = KEY_ROLES.filter((role) => mayDo(role, method, path));
  const parameters = [...parametersOf(schema.params, "path"), ...parametersOf(schema.querystring, "query")];
  return {
    operationId: `${method.toLowerCase()}${path.slice(PREFIX.length).replace(/\W+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    description: `Roles: ${roles.join(", ")}`,
    ...(parameters.length > 0 && { parameters }),
    ...(schema.body && {
      requestBody: { required: !schema.body.isOptional(), content: contentOf(schema.body, consumes) },
    }),
    responses: {
      "2XX": { description: "Done", content: { "application/json": { schema: { type: "object" } } } },
      ...(method === "GET" && { "304": { description: "As the ETag says you have it" } }),
      default: {
        description: "Refused: a stable code, in English and Chinese",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

function parametersOf(schema: z.ZodType | undefined, place: "path" | "query"): object[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, one]) => ({
    name,
    in: place,
    required: place === "path" || !one.isOptional(),
    schema: jsonSchemaOf(one),
  }));
}

function contentOf(body: z.ZodType, consumes: readonly string[]): object {
  const isObject = body instanceof z.ZodObject || body instanceof z.ZodDefault;
  const schema = isObject ? jsonSchemaOf(body) : { type: "string", format: "binary" };
  return Object.fromEntries(consumes.map((type) => [type, { schema }]));
}

/** What goes in, as JSON Schema; what no JSON Schema can say stands in the description. */
function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const right: Text | undefined = rightOf(zodSchema as unknown as z.ZodType);
      if (!right) return;
      jsonSchema.description = right.en;
      const example = /e\.g\. (.+)$/.exec(right.en)?.[1];
      if (example !== undefined) jsonSchema.examples = [exampleOf(example, jsonSchema.type)];
    },
  });
  return rest;
}

/** The example that a field's own words end with, as a value of its type. */
function exampleOf(text: string, type: unknown): unknown {
  return type === "array" || type === "object" ? JSON.parse(text) : text;
}

const PROBLEM = {
  type: "object",
  required: ["status", "code", "title"],
  properties: {
    type: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    title: { type: "string" },
    detail: { type: "string" },
    zh: { type: "object", properties: { title: { type: "string" }, detail: { type: "string" } } },
  },
};
