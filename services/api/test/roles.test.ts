import { KEY_ROLES } from "@quarterpast/domain";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApi, tokenOf, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api.end());

/** The access matrix of the contract, written independently of the code that decides it. */
function isAllowed(role: string, method: string, path: string): boolean {
  if (role === "operator") return true;
  if (role === "ingest") return path === "/v1/stack";
  return method === "GET";
}

/** Every route that requires a key, from the api's own description, so that new routes are in the matrix. */
async function routesOf(): Promise<[method: string, path: string][]> {
  const { json } = await api.get("/v1/openapi.json");
  type Operation = { security?: [] };
  return Object.entries(json.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { security }]): [string, string][] => {
      const asked = path.replace("{hour}", "2026-03-01T10:00:00Z").replace(/\{\w+\}/g, "0");
      return security ? [] : [[method.toUpperCase(), asked]];
    }),
  );
}

it("lets each role make just the requests of its matrix, on every route", async () => {
  const routes = await routesOf();
  expect(routes.length).toBeGreaterThan(50);
  for (const [method, path] of routes) {
    for (const role of KEY_ROLES) {
      const { status, headers } = await askOnly(method, path, tokenOf(role));
      const isRefused = status === 403 && (headers.get("content-type") ?? "").includes("problem+json");
      expect({ method, path, role, isRefused }).toEqual({
        ...{ method, path, role },
        isRefused: !isAllowed(role, method, path),
      });
    }
  }
});

it.each([
  ["no key", null],
  ["a wrong secret", tokenOf("operator").replace(/.$/, "0")],
  ["an unknown key", `qp_ffffffff_${"0".repeat(32)}`],
  ["no token at all", "x"],
])("refuses %s on every route", async (_name, token) => {
  for (const [method, path] of await routesOf()) {
    const { status, headers } = await askOnly(method, path, token);
    expect({ method, path, status, asks: headers.get("www-authenticate") }).toEqual({
      ...{ method, path, status: 401, asks: "Bearer" },
    });
    expect(headers.get("content-type")).toContain("application/problem+json");
  }
});

/** Requests without a body, and reads only the headers. */
async function askOnly(method: string, path: string, token: string | null): Promise<Response> {
  const answer = await fetch(api.url + path, {
    method,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  await answer.body?.cancel();
  return answer;
}

it("lets health and metrics be asked without a key", async () => {
  expect((await fetch(`${api.url}/healthz/ready`)).status).toBe(200);
  expect((await fetch(`${api.url}/metrics`)).status).toBe(200);
});
