import { afterAll, beforeAll, expect, it } from "vitest";
import { startApi, tokenOf, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api.end());

it("describes every route with its fields and roles, as OpenAPI 3.1", async () => {
  const { status, json } = await api.get("/v1/openapi.json", { as: "finance" });
  expect(status).toBe(200);
  expect(json).toMatchObject({ openapi: "3.1.0", info: { title: "quarterpast api" } });
  const routes = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  for (const route of [
    "get /v1/records/{sn}",
    "post /v1/prices",
    "post /v1/cases/{id}/write-off",
    "post /v1/imports",
    "get /v1/stack",
  ])
    expect(routes).toContain(route);
  expect(json.paths["/v1/prices"].post).toMatchObject({
    operationId: "addPrice",
    description: "Roles: operator",
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: {
            type: "object",
            required: ["product", "meter", "validFrom", "model", "currency", "bands"],
          },
        },
      },
    },
  });
  expect(json.paths["/v1/records"].get.parameters).toContainEqual(
    expect.objectContaining({
      name: "hour",
      in: "query",
      schema: expect.objectContaining({ description: expect.stringContaining("begin of an hour") }),
    }),
  );
  const ids = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (methods) => Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  // No reference points to something that does not exist.
  for (const [, name] of JSON.stringify(json).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(json.components.schemas)).toContain(name);
});

it("answers 304 to who has the answer already, and anew when it changed", async () => {
  const ask = (headers: Record<string, string> = {}) =>
    fetch(`${api.url}/v1/meters`, { headers: { authorization: `Bearer ${tokenOf("finance")}`, ...headers } });
  const first = await ask();
  const etag = first.headers.get("etag")!;
  expect(etag).toMatch(/^"[\w-]{27}"$/);
  const again = await ask({ "if-none-match": `"other", W/${etag}` });
  expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: "" });
  await api.post("/v1/meters", { code: "etags", aggregation: "count" });
  expect((await ask({ "if-none-match": etag })).status).toBe(200);
});
