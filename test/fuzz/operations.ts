import { cloudEventSchema } from "@quarterpast/domain";
import { z } from "zod";
import type { Schema } from "./schema.js";

/** What the document says about one operation. */
export interface Operation {
  /** `GET /v1/cases/{id}`. */
  name: string;
  service: "api" | "collector";
  method: string;
  path: string;
  parameters: { name: string; in: string; required: boolean; schema: Schema }[];
  body?: { required: boolean; types: string[]; schema: Schema } | undefined;
}

interface Document {
  paths: Record<string, Record<string, DocumentedOperation>>;
}

interface DocumentedOperation {
  parameters?: Operation["parameters"];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
}

/** Every operation of the api's OpenAPI document, so that new ones are fuzzed without a change here. */
export function operationsOf(document: unknown): Operation[] {
  return Object.entries((document as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, { parameters = [], requestBody }]) => {
      const method = verb.toUpperCase();
      const content = Object.entries(requestBody?.content ?? {});
      return {
        ...{ name: `${method} ${path}`, service: "api" as const, method, path, parameters },
        body: requestBody && {
          required: requestBody.required ?? false,
          types: content.map(([type]) => type),
          schema: content[0]![1].schema,
        },
      };
    }),
  );
}

/** The collector's only operation, from the schema that it checks events by. */
export function collectorOperation(): Operation {
  const event = z.toJSONSchema(cloudEventSchema, { io: "input", unrepresentable: "any" }) as Schema;
  const { properties = {} } = event;
  return {
    ...{ name: "POST /v1/events", service: "collector", method: "POST", path: "/v1/events", parameters: [] },
    body: {
      required: true,
      types: ["application/cloudevents-batch+json", "application/cloudevents+json", "application/x-ndjson"],
      schema: {
        ...event,
        properties: { ...properties, time: { ...properties["time"], examples: ["2026-03-01T10:30:07Z"] } },
      },
    },
  };
}
