import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { afterEach, beforeEach, expect, test } from "vitest";
import { marketplaceOf } from "@quarterpast/marketplace";
import { dial as dialBy } from "../src/up/dialTests.js";

const KEY = "testAccessKey-0001";
const HOUR = 3_600_000;
/** Midnight in Beijing. */
const DAY = Date.parse("2026-03-09T16:00:00Z");

const { selfTest } = marketplaceOf("koogallery");
const dial = (sandboxUrl: string, key: string) => dialBy({ sandboxUrl, selfTest: selfTest!, key });

let seller: Server;
let isWell: boolean;
let asked: number;
let sandbox: Sandbox;

beforeEach(async () => {
  [isWell, asked] = [true, 0];
  // Right only in V2.0, and for cases that need only a result code; the cases themselves are tested elsewhere.
  seller = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ resultCode: isWell ? "000000" : "000005", resultMsg: "told" }));
  });
  await new Promise<void>((resolve) => seller.listen(0, "127.0.0.1", resolve));
  const { port } = seller.address() as AddressInfo;
  sandbox = await createSandbox({ key: KEY, sellerUrl: `http://127.0.0.1:${port}/koogallery` });
  await at(8);
});
afterEach(async () => {
  await sandbox.close();
  seller.closeAllConnections();
  await new Promise((resolve) => seller.close(resolve));
});

const at = (hour: number, day = 0) =>
  sandbox.setClock({ start: new Date(DAY + day * 24 * HOUR + hour * HOUR).toISOString(), rate: 0 });

interface View {
  due: string | null;
  failingDays: number;
  hidden: boolean;
  runs: { slot: string; cases: number; failed: { name: string }[] }[];
}
const view = async () => (await (await fetch(`${sandbox.url}/sandbox/dial-tests`)).json()) as View;
const post = (path: string, body: object) =>
  fetch(sandbox.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

test("each morning and afternoon of product time the cases are played once; the page and the API tell the outcome", async () => {
  expect(await dial(sandbox.url, KEY)).toBeUndefined();
  await at(9);
  const results = (await dial(sandbox.url, KEY))!;
  expect(asked).toBe(results.length);
  expect(await dial(sandbox.url, KEY)).toBeUndefined();
  await at(14);
  expect(await dial(sandbox.url, KEY)).toBeUndefined();
  await at(15);
  expect(await dial(sandbox.url, KEY)).toHaveLength(results.length);
  const { runs } = await view();
  expect(runs.map(({ slot }) => slot)).toEqual(["2026-03-10T07:00:00.000Z", "2026-03-10T01:00:00.000Z"]);
  const failed = results.filter(({ problems }) => problems.length > 0);
  expect(runs[0]).toMatchObject({ cases: results.length });
  expect(runs[0]!.failed.map(({ name }) => name)).toEqual(failed.map(({ name }) => name));
  const page = await (await fetch(`${sandbox.url}/shop?lang=en`)).text();
  expect(page).toContain(`${failed.length} of ${results.length} cases failed`);
});

test("after five failing days the product is hidden and nothing is sold, until a run passes", async () => {
  const results = (passed: boolean) => [
    { version: "v2", mode: "period", name: "newInstance", problems: passed ? [] : [{ en: "no", zh: "否" }] },
  ];
  const note = async (day: number, hour: number, passed: boolean) => {
    await at(hour, day);
    const answer = await post("/sandbox/dial-tests", { slot: (await view()).due, results: results(passed) });
    expect(answer.status).toBe(200);
  };
  await view();
  // A day with a failing morning is a failing day; a good day resets the count.
  await note(0, 9, false);
  await note(1, 9, true);
  for (let day = 2; day < 6; day += 1) {
    await note(day, 9, day % 2 === 0);
    await note(day, 16, day % 2 === 1);
  }
  expect(await view()).toMatchObject({ failingDays: 4, hidden: false });
  await note(6, 9, false);
  expect(await view()).toMatchObject({ failingDays: 5, hidden: true });
  const buy = { product: "P1", customer: "customer-1" };
  expect((await post("/sandbox/orders", buy)).status).toBe(409);
  expect(await (await fetch(`${sandbox.url}/shop?lang=zh`)).text()).toContain("商品已隐藏");
  await note(6, 15, true);
  expect(await view()).toMatchObject({ hidden: false });
  expect((await post("/sandbox/orders", buy)).status).toBe(200);
});

test("a run of another slot is refused; without a seller's address there is none", async () => {
  await view();
  await at(9);
  const wrong = await post("/sandbox/dial-tests", {
    slot: "2026-03-09T01:00:00.000Z",
    results: [{ version: "v2", mode: "period", name: "newInstance", problems: [] }],
  });
  expect([wrong.status, await wrong.text()]).toEqual([
    409,
    expect.stringContaining("2026-03-10T01:00:00.000Z"),
  ]);
  const alone = await createSandbox({ key: KEY });
  expect((await fetch(`${alone.url}/sandbox/dial-tests`)).status).toBe(404);
  expect(await dial(alone.url, KEY)).toBeUndefined();
  await alone.close();
});
