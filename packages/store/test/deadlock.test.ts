import { expect, onTestFinished, test } from "vitest";
import { openLedger } from "@quarterpast/testkit";
import { inTransaction } from "../src/db/database.js";

test("a transaction that a deadlock undid is run again, and both keep what they did", async () => {
  const ledger = await openLedger();
  onTestFinished(() => ledger.end());
  await ledger.rows("CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)");
  await ledger.rows("INSERT INTO counters VALUES ('a', 0), ('b', 0)");
  let runs = 0;
  let arrive = (): void => {};
  const bothHoldOne = new Promise<void>((resolve) => (arrive = resolve));
  const add = (first: string, second: string): Promise<void> =>
    inTransaction(ledger.pool, async (db) => {
      await db.query("UPDATE counters SET value = value + 1 WHERE name = $1::text", [first]);
      runs += 1;
      if (runs === 2) arrive();
      await bothHoldOne;
      await db.query("UPDATE counters SET value = value + 1 WHERE name = $1::text", [second]);
    });
  await Promise.all([add("a", "b"), add("b", "a")]);
  expect(runs).toBe(3);
  expect(await ledger.rows("SELECT name, value FROM counters ORDER BY name")).toEqual([
    { name: "a", value: 2 },
    { name: "b", value: 2 },
  ]);
});
