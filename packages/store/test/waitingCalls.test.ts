import { HOUR, MINUTE, shardOf, STATEMENT_LAG } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { findRecord } from "../src/records/records.js";
import { insertSubmission, restoreCalls } from "../src/records/submissions.js";
import { type StatedLine } from "../src/reconcile/statements.js";
import { file, REAL } from "./records.js";
import { takeStatement, unsettledRange, type NewStatement } from "../src/reconcile/takeStatement.js";
import { insertOutcomes } from "../src/records/outcomes.js";
import { readBacklog } from "../src/records/backlog.js";

const SENT = H + HOUR + MINUTE;
const NOW = SENT + STATEMENT_LAG;
let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

/** The fixture freezes with version 1, which these statements treat as the one without serial numbers. */
const take = (lines: StatedLine[], change: Partial<NewStatement> = {}) =>
  takeStatement(
    ledger.pool,
    {
      ...{ accountNo: ledger.account.accountNo, source: "api", complete: true, askedAt: NOW, lines },
      ...{ range: { from: H, to: H + HOUR }, duplicateCodes: ["005", "010"], namedBySlot: [1], ...change },
    },
    NOW,
  );
const line = (instanceId: string, change: Partial<StatedLine> = {}): StatedLine => ({
  ...{ serialNumber: "", instanceId, begin: H, end: H + HOUR, quantity: "5", state: "normal", ...change },
});
const stateOf = async (sn: string) => (await findRecord(ledger.pool, [ledger.account.accountNo], sn))?.state;
const findings = async () =>
  (await ledger.rows("SELECT kind, sn FROM findings ORDER BY finding_id")).map(({ kind, sn }) => [kind, sn]);

/**
 * Records of one call whose outcome is unknown since `SENT`: instances of one shard follow each other in its chain.
 */
async function fileWaiting(count: number): Promise<string[]> {
  const instances = Array.from({ length: 400 }, (_, n) => `i-${n}`).filter((id) => shardOf(id) === 0);
  const sns: string[] = [];
  for (const id of instances.slice(0, count)) sns.push(await file(ledger, id, "5.0000", ["split"] as never));
  const range = { accountNo: ledger.account.accountNo, shard: 0, seqFrom: 1, seqTo: count, parent: null };
  const until = { deadline: H + 75 * MINUTE, expires: H + 500 * HOUR, host: "host" };
  await insertSubmission(ledger.pool, { ...range, ...until }, SENT, null);
  return sns;
}
const idOf = async (sn: string) =>
  (await findRecord(ledger.pool, [ledger.account.accountNo], sn))!.instanceId;

describe("a line without a serial number", () => {
  test("is of the record of its interval, and settles it as one with a number would", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line("i-1", { state: "billed", collectedAt: NOW })])).toMatchObject({
      billed: 1,
      missing: 0,
      extra: 0,
    });
    expect(await stateOf(sn)).toBe("billed");
    expect(await ledger.rows("SELECT sn FROM statement_lines")).toEqual([{ sn }]);
  });

  test("that is of no record of ours is extra under its interval, once", async () => {
    await file(ledger, "i-1", "5.0000");
    await take([line("i-1"), line("i-2")]);
    await take([line("i-1"), line("i-2")]);
    expect(await findings()).toEqual([["extra", "i-2 20260301T100000Z-20260301T110000Z"]]);
  });

  test("in the interval of a record that went out with one: the list shows no absence, and nothing is sent again", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line("i-1")], { namedBySlot: [2], askedAt: NOW })).toMatchObject({
      complete: false,
      missing: 0,
      extra: 1,
    });
    expect([
      await stateOf(sn),
      (await readBacklog(ledger.pool, ledger.account.accountNo)).submissions,
    ]).toEqual(["accepted", 0]);
  });

  test("says what the good line of the interval says, where a repeat is abnormal", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    await take([line("i-1", { state: "abnormal", code: "010" }), line("i-1", { state: "billed" })]);
    expect(await stateOf(sn)).toBe("billed");
    const other = await file(ledger, "i-2", "5.0000");
    expect(await take([line("i-1", { state: "billed" }), line("i-2", { quantity: "6" })])).toMatchObject({
      different: 1,
    });
    expect(await stateOf(other)).toBe("conflict");
  });
});

describe("a call that waits for a statement", () => {
  test("is owed, asked about at once, and no case of `missing`", async () => {
    await fileWaiting(1);
    expect(await unsettledRange(ledger.pool, ledger.account.accountNo, SENT)).toEqual({
      from: H,
      to: H + 1_000_000,
    });
    expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({ submissions: 1 });
    expect(await take([], { askedAt: NOW - 1 })).toMatchObject({ missing: 0, again: 0, delivered: 0 });
    expect(await take([], { complete: false })).toMatchObject({ again: 0 });
  });

  test("is settled as a whole: what is there is accepted, only what is not is sent again", async () => {
    const [there, billed, missing] = (await fileWaiting(3)) as [string, string, string];
    const shown = [line(await idOf(there)), line(await idOf(billed), { state: "billed" })];
    expect(await take(shown, { complete: false })).toMatchObject({ delivered: 0, again: 0, billed: 1 });
    expect([await stateOf(there), await stateOf(billed)]).toEqual(["unknown", "billed"]);
    expect(await take(shown)).toMatchObject({ delivered: 2, again: 1, missing: 0 });
    expect([await stateOf(there), await stateOf(billed), await stateOf(missing)]).toEqual([
      "accepted",
      "billed",
      "frozen",
    ]);
    expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({
      submissions: 1,
      records: 1,
    });
    expect(await findings()).toEqual([]);
  });

  test("never sends again what an earlier statement has shown, though a later one lacks it", async () => {
    const [billed, missing] = (await fileWaiting(2)) as [string, string];
    await take([line(await idOf(billed), { state: "billed" })], { complete: false });
    expect(await take([])).toMatchObject({ delivered: 1, again: 1 });
    expect([await stateOf(billed), await stateOf(missing)]).toEqual(["billed", "frozen"]);
  });

  test("whose record had an outcome that says nothing clear takes what the statement says", async () => {
    const [sn] = (await fileWaiting(1)) as [string];
    await insertOutcomes(ledger.pool, [{ sn, state: "unknown", code: "777", detail: "" }], "reply", SENT);
    await take([line(await idOf(sn))], { complete: false });
    expect(await stateOf(sn)).toBe("accepted");
  });
});

test("records that a restore brings back wait for a statement, where they went out without serial numbers", async () => {
  const sns = await fileWaiting(2);
  await ledger.rows("TRUNCATE attempts, call_totals, submissions");
  expect(await restoreCalls(ledger.pool, ledger.account.accountNo, [1], SENT, REAL)).toBe(1);
  expect(await ledger.rows("SELECT 1 FROM submissions WHERE next_at = 'infinity'")).toHaveLength(1);
  expect(await take([line(await idOf(sns[0]!))])).toMatchObject({ delivered: 1, again: 1 });
});
