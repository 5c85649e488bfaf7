import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.post("/v1/meters", { code: "tokens", aggregation: "sum" });
});
afterAll(() => api.end());

const add = (body: object) => api.post("/v1/products", body);

describe("products", () => {
  test("are added once; addresses may change, terms not", async () => {
    const product = { productId: "P1", mode: "pay_per_use", meter: "tokens" };
    expect(await add(product)).toMatchObject({
      status: 201,
      json: { ...product, cycle: "hourly", contents: [] },
    });
    expect(await add({ ...product, frontEndUrl: "https://a.example/" })).toMatchObject({
      status: 200,
      json: { frontEndUrl: "https://a.example/" },
    });
    expect(await add({ ...product, cycle: "daily" })).toMatchObject({
      status: 409,
      json: { code: "already_exists" },
    });
    expect((await api.get("/v1/products")).json.items).toMatchObject([{ productId: "P1" }]);
  });

  test("packages hold meters with quotas, other products none", async () => {
    const contents = [{ meter: "tokens", quota: "100.50" }];
    expect(await add({ productId: "PKG", mode: "package", contents })).toMatchObject({
      status: 201,
      json: { contents: [{ meter: "tokens", quota: "100.5" }], meter: null },
    });
    expect(await add({ productId: "PKG", mode: "package", contents })).toMatchObject({ status: 200 });
    const wrong = [
      { mode: "package" },
      { mode: "pay_per_use" },
      { mode: "period", meter: "tokens" },
      { mode: "package", contents: [{ meter: "tokens", quota: "0" }] },
      { mode: "package", contents: [...contents, ...contents] },
      { mode: "rent" },
      { mode: "per_use", frontEndUrl: "javascript:alert(1)" },
    ];
    for (const one of wrong) expect(await add({ productId: "X", ...one })).toMatchObject({ status: 400 });
    expect(await add({ productId: "X", mode: "pay_per_use", meter: "none" })).toMatchObject({ status: 422 });
  });
});

test("subscriptions, cases, hooks and calls can be read; there is nothing to run again", async () => {
  for (const path of ["subscriptions", "cases", "hooks", "calls", "calls?failed=true&ref=CS1"]) {
    expect(await api.get(`/v1/${path}`)).toMatchObject({ status: 200, json: { items: [], next: null } });
  }
  expect(await api.post("/v1/calls/1/rerun", {})).toMatchObject({ status: 404 });
  expect(await api.get("/v1/reruns/x")).toMatchObject({ status: 400 });
});
