import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { openLedger } from "@quarterpast/testkit";
import { inTransaction } from "../src/db/database.js";

test("a connection lost between two statements fails the transaction, not the process", async () => {
  const ledger = await openLedger();
  onTestFinished(() => ledger.end());
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => void process.off("uncaughtException", note));
  const work = inTransaction(ledger.pool, async (db) => {
    const { rows } = await db.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await ledger.rows("SELECT pg_terminate_backend($1)", [rows[0]!.pid]);
    await sleep(300);
    await db.query("SELECT 1");
  });
  await expect(work).rejects.toThrow();
  expect(uncaught).toEqual([]);
  expect(await ledger.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
