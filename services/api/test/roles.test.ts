import { KEY_ROLES } from "@quarterpast/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, tokenOf, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api.end());

const ROUTES = [
  ["GET", "/v1/stack"],
  ["GET", "/v1/meters"],
  ["POST", "/v1/meters"],
  ["GET", "/v1/instances"],
  ["GET", "/v1/instances/none"],
  ["POST", "/v1/instances"],
  ["POST", "/v1/instances/none/close"],
  ["GET", "/v1/sources"],
  ["POST", "/v1/sources"],
  ["GET", "/v1/keys"],
  ["POST", "/v1/keys"],
  ["DELETE", "/v1/keys/00000000"],
  ["GET", "/v1/hours"],
  ["GET", "/v1/records"],
  ["GET", "/v1/records/none"],
  ["POST", "/v1/records/none/rereport"],
  ["GET", "/v1/quarantine"],
  ["GET", "/v1/differences"],
  ["POST", "/v1/statements"],
  ["GET", "/v1/doctor"],
  ["GET", "/v1/proof-key"],
  ["GET", "/v1/manifests"],
  ["GET", "/v1/proofs/hours/2026-03-01T10:00:00Z"],
  ["GET", "/v1/proofs/records/none"],
  ["GET", "/v1/proofs/events"],
  ["GET", "/v1/exports/records"],
  ["GET", "/v1/summary"],
] as const;

/** The matrix as the contract says it, written out beside the code that decides it. */
function isAllowed(role: string, method: string, path: string): boolean {
  if (role === "operator") return true;
  if (role === "ingest") return path === "/v1/stack";
  return method === "GET";
}

describe.each(ROUTES)("%s %s", (method, path) => {
  it.each(KEY_ROLES)("as %s", async (role) => {
    const { status, json } = await api.ask(method, path, { as: role });
    if (isAllowed(role, method, path)) expect([401, 403]).not.toContain(status);
    else expect({ status, code: json.code }).toEqual({ status: 403, code: "forbidden" });
  });

  it.each([
    ["no key", null],
    ["a wrong secret", tokenOf("operator").replace(/.$/, "0")],
    ["an unknown key", `qp_ffffffff_${"0".repeat(32)}`],
    ["no token at all", "x"],
  ])("refuses %s", async (_name, token) => {
    const { status, json, headers } = await api.ask(method, path, { token });
    expect({ status, code: json.code }).toEqual({ status: 401, code: "unauthorized" });
    expect(headers.get("www-authenticate")).toBe("Bearer");
    expect(headers.get("content-type")).toContain("application/problem+json");
  });
});

it("lets health and metrics be asked without a key", async () => {
  expect((await fetch(`${api.url}/healthz/ready`)).status).toBe(200);
  expect((await fetch(`${api.url}/metrics`)).status).toBe(200);
});
