import { openLedger, H, type Ledger } from "@quarterpast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureMeter } from "../src/catalog/meters.js";
import { registerCollector } from "../src/usage/collectors.js";
import { ensureSources } from "../src/usage/sources.js";

let ledger: Ledger;
beforeEach(async () => void (ledger = await openLedger()));
afterEach(async ({ task }) => ledger.end(task.result?.state === "fail"));

test.each([
  ["source", async (name: string) => (await ensureSources(ledger.pool, [name])).get(name)!],
  [
    "meter",
    async (code: string) => {
      const meter = { code, aggregation: "sum", unit: "token", scale: 0 } as const;
      return (await ensureMeter(ledger.pool, meter, H)).meter.meterNo;
    },
  ],
  ["collector", (name: string) => registerCollector(ledger.pool, name, H, H)],
])("what is there takes no further number: of a %s", async (_what, ensure) => {
  const first = await ensure("first");
  for (let again = 0; again < 5; again += 1) expect(await ensure("first")).toBe(first);
  expect(await ensure("second")).toBe(first + 1);
});

test("many who name the same new sources at once agree on their numbers", async () => {
  const names = Array.from({ length: 50 }, (_, n) => `source-${n}`);
  const found = await Promise.all(
    Array.from({ length: 8 }, (_, turn) => ensureSources(ledger.pool, turn % 2 ? names : names.toReversed())),
  );
  for (const numbers of found) expect(new Map([...numbers].sort())).toEqual(new Map([...found[0]!].sort()));
  expect(await ledger.rows("SELECT count(*)::integer AS n FROM sources")).toEqual([{ n: 50 }]);
});
