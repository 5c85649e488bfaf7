import {
  API,
  ApiError,
  createApiClient,
  createClient,
  isFile,
  readAll,
  type Route,
} from "@quarterpast/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addRecord, startApi, tokenOf, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.post("/v1/meters", { code: "tokens", aggregation: "sum" });
});
afterAll(() => api.end());

const client = () => createApiClient({ url: api.url, key: tokenOf("operator") });

/** Values for path parameters and required query fields. */
const WORDS: Record<string, string> = {
  ...{ hour: "2026-03-01T10:00:00Z", from: "2026-03-01T10:00:00Z", to: "2026-03-01T12:00:00Z" },
  ...{ month: "2026-03", source: "gateway", id: "0", bill: "1", line: "1", sn: "none", code: "tokens" },
};

function queryOf({ query }: Route): Record<string, string> {
  const needed = Object.entries(query?.shape ?? {}).filter(([, one]) => !one.safeParse(undefined).success);
  return Object.fromEntries(needed.map(([name]) => [name, WORDS[name] ?? "0"]));
}

it("serves every route of the contract, and answers as the contract says", async () => {
  await addRecord(api, { instanceId: "c1", state: "accepted" });
  for (const [name, route] of Object.entries(API as Record<string, Route>)) {
    const path = route.path.replace(/:(\w+)/g, (_, word: string) => WORDS[word] ?? "0");
    const search = new URLSearchParams(queryOf(route)).toString();
    const body =
      route.method !== "POST" ? {} : isFile(route.body) ? { body: "", type: "text/csv" } : { body: {} };
    const headers = {
      authorization: `Bearer ${tokenOf("operator")}`,
      ...("body" in body && { "content-type": "type" in body ? body.type : "application/json" }),
    };
    const sent = "body" in body ? { body: JSON.stringify(body.body) } : {};
    const answer = await fetch(`${api.url}${path}?${search}`, { method: route.method, headers, ...sent });
    const told = await answer.text();
    // An answer outside the contract is a 500; a route that is not served has no path.
    expect({
      name,
      ours: answer.status < 500,
      served: !/^no (GET|POST|DELETE)/.test(detailOf(told)),
    }).toEqual({
      ...{ name, ours: true, served: true },
    });
  }
});

function detailOf(text: string): string {
  try {
    return (JSON.parse(text) as { detail?: string } | null)?.detail ?? "";
  } catch {
    return "";
  }
}

it("gives the client typed answers, whole lists, streams and refusals", async () => {
  const { sn } = await addRecord(api, { instanceId: "c2", state: "accepted", quantity: "1.5000" });
  const one = await client().readRecord({ params: { sn } });
  expect({ state: one.state, quantity: one.quantity }).toEqual({ state: "accepted", quantity: "1.5000" });
  const all = await readAll((cursor) => client().listInstances({ query: { cursor, limit: 1 } }));
  expect(all.map(({ instanceId }) => instanceId)).toEqual(expect.arrayContaining(["c1", "c2"]));
  const { id } = await client().createKey({ body: { name: "n", role: "auditor" } });
  expect(await client().revokeKey({ params: { id } })).toBeUndefined();

  const query = { from: WORDS["from"]!, to: "2026-12-31T00:00:00Z", format: "ndjson" as const };
  let text = "";
  for await (const chunk of await client().exportRecords({ query }))
    text += Buffer.from(chunk).toString("utf8");
  expect(text === "" || text.endsWith("}\n")).toBe(true);

  const refused = await client()
    .readRecord({ params: { sn: "no/such" } })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect((refused as ApiError).failure).toMatchObject({
    ...{ kind: "refused", status: 404 },
    problem: { code: "not_found", zh: { detail: "话单 no/such 不存在" } },
  });
});

it("says of a server that is another, or none, what it is", async () => {
  const failureOf = async (url: string) =>
    createClient(API, { url, key: "x" })
      .listMeters()
      .catch((error: unknown) => (error as ApiError).failure);
  expect(await failureOf("http://127.0.0.1:1")).toMatchObject({ kind: "unreachable" });
  expect(await failureOf(`${api.url}/metrics?`)).toEqual({ kind: "foreign", status: 200 });
});
