import { HOUR, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { ensureAccount } from "../src/catalog/accounts.js";
import { findRecord } from "../src/records/records.js";
import { type StatedLine } from "../src/reconcile/statements.js";
import { file } from "./records.js";
import { takeStatement, unsettledRange, type NewStatement } from "../src/reconcile/takeStatement.js";
import { readBacklog } from "../src/records/backlog.js";

const NOW = H + 2 * HOUR;
let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

const line = (serialNumber: string, change: Partial<StatedLine> = {}): StatedLine => ({
  serialNumber,
  instanceId: "i-1",
  begin: H,
  end: H + HOUR,
  quantity: "5.0000",
  state: "billed",
  ...change,
});
const take = (lines: StatedLine[], change: Partial<NewStatement> = {}) =>
  takeStatement(
    ledger.pool,
    {
      accountNo: ledger.account.accountNo,
      source: "api",
      complete: true,
      askedAt: NOW,
      range: { from: H, to: H + HOUR },
      lines,
      duplicateCodes: ["005"],
      ...change,
    },
    NOW,
  );
const stateOf = async (sn: string) => (await findRecord(ledger.pool, [ledger.account.accountNo], sn))?.state;
const open = async () =>
  (
    await ledger.rows(
      "SELECT kind, sn FROM billing.differences WHERE resolved_at IS NULL ORDER BY found_at DESC, sn",
    )
  ).map(({ kind, sn }) => [kind, sn]);

describe("a statement", () => {
  test("bills what it shows as billed, and a second time changes nothing", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line(sn, { quantity: "5" })])).toMatchObject({
      billed: 1,
      different: 0,
      missing: 0,
      extra: 0,
    });
    expect(await stateOf(sn)).toBe("billed");
    expect(await take([line(sn)])).toMatchObject({ billed: 0, abnormal: 0 });
    expect(await open()).toEqual([]);
  });

  test("that no longer has what was billed shows a difference; nothing goes out again by itself", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    await take([line(sn)]);
    expect(await take([], { askedAt: NOW + 1 })).toMatchObject({ missing: 1 });
    expect(await open()).toEqual([["missing", sn]]);
    expect([
      await stateOf(sn),
      (await readBacklog(ledger.pool, ledger.account.accountNo)).submissions,
    ]).toEqual(["billed", 0]);
  });

  test("that settles all records of a call, each in its own way, ends the asking", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    const { accountNo } = ledger.account;
    expect(await unsettledRange(ledger.pool, accountNo, NOW)).toBeDefined();
    await take([line(sn, { state: "abnormal", code: "003" })]);
    expect(await stateOf(sn)).toBe("abnormal");
    expect(await unsettledRange(ledger.pool, accountNo, NOW)).toBeUndefined();
  });

  test("about other hours does not end the finding of an extra record", async () => {
    await take([line("b1-not-ours")]);
    await take([], { range: { from: H + HOUR, to: H + 2 * HOUR } });
    expect(await open()).toEqual([["extra", "b1-not-ours"]]);
    await take([]);
    expect(await open()).toEqual([]);
  });

  test("does not bill what is pending or only normal yet, nor calls it missing", async () => {
    const [a, b] = [await file(ledger, "i-1", "5.0000"), await file(ledger, "i-2", "5.0000", ["duplicate"])];
    expect(await take([line(a, { state: "pending" }), line(b, { state: "normal" })])).toMatchObject({
      billed: 0,
      missing: 0,
    });
    expect([await stateOf(a), await stateOf(b)]).toEqual(["accepted", "duplicate"]);
    expect(await open()).toEqual([]);
  });

  test("proves the delivery of a record whose call had no answer", async () => {
    const sn = await file(ledger, "i-1", "5.0000", ["unknown"]);
    await take([line(sn)]);
    expect(await stateOf(sn)).toBe("billed");
  });

  test("is kept with its lines, whatever it says", async () => {
    const many = Array.from({ length: 5_001 }, (_, n) => line(`x${n}`, { state: "abnormal" }));
    expect(await take(many)).toMatchObject({ lines: 5_001, extra: 0 });
    expect(await ledger.rows("SELECT count(*)::int AS lines FROM statement_lines")).toEqual([
      { lines: 5_001 },
    ]);
  });
});

describe("an abnormal line", () => {
  test("makes the record abnormal, with a finding that a re-report may heal", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line(sn, { state: "abnormal", code: "002" })])).toMatchObject({ abnormal: 1 });
    expect(await stateOf(sn)).toBe("abnormal");
    expect(await open()).toEqual([["abnormal", sn]]);
    expect(await take([line(sn, { state: "abnormal", code: "002" })])).toMatchObject({ abnormal: 0 });
    expect(await open()).toHaveLength(1);
    await take([line(sn)]);
    expect(await stateOf(sn)).toBe("billed");
    expect(await open()).toEqual([]);
  });

  test("that says duplicate of a record sent twice is proof of delivery, not abnormal", async () => {
    const sn = await file(ledger, "i-1", "5.0000", ["unknown", "accepted"]);
    const repeat = line(sn, { state: "abnormal", code: "005" });
    expect(await take([repeat])).toMatchObject({ abnormal: 0, missing: 0 });
    expect(await stateOf(sn)).toBe("accepted");
    expect(await take([repeat, line(sn)])).toMatchObject({ abnormal: 0, billed: 1 });
    expect(await stateOf(sn)).toBe("billed");
    expect(await open()).toEqual([]);
  });

  test("that says duplicate of a record sent once is abnormal: another party's record is there", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line(sn, { state: "abnormal", code: "005" })])).toMatchObject({ abnormal: 1 });
    expect(await stateOf(sn)).toBe("abnormal");
  });

  test("yields to a good line of the same serial number, in either order", async () => {
    const [a, b] = [await file(ledger, "i-1", "5.0000"), await file(ledger, "i-2", "5.0000")];
    const bad = { state: "abnormal", code: "002" } as const;
    expect(await take([line(a, bad), line(a), line(b), line(b, bad)])).toMatchObject({
      abnormal: 0,
      billed: 2,
    });
    expect(await open()).toEqual([]);
  });
});

describe("a record that is not there", () => {
  test("is missing only in a complete statement", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([], { complete: false })).toMatchObject({ missing: 0 });
    expect(await stateOf(sn)).toBe("accepted");
    expect(await take([], { askedAt: NOW + 1 })).toMatchObject({ missing: 1 });
    expect(await stateOf(sn)).toBe("missing");
    expect(await open()).toEqual([["missing", sn]]);
    expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({
      submissions: 1,
      records: 1,
    });
    expect(await take([])).toMatchObject({ missing: 0 });
    expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toMatchObject({ submissions: 1 });
  });

  test("is not missing where it was accepted after the marketplace was asked, or begins outside of the range", async () => {
    await file(ledger, "i-1", "5.0000");
    expect(await take([], { askedAt: H + HOUR + MINUTE })).toMatchObject({ missing: 0 });
    expect(await take([], { range: { from: H + HOUR, to: H + 2 * HOUR } })).toMatchObject({ missing: 0 });
    expect(await take([], { range: undefined })).toMatchObject({ missing: 0 });
  });

  test("is found again by the next statement that shows it", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    await take([]);
    await take([line(sn)], { complete: false });
    expect(await stateOf(sn)).toBe("billed");
    expect(await open()).toEqual([]);
  });
});

describe("a difference", () => {
  test("in quantity is a conflict and a finding; our record stays as it was frozen", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    expect(await take([line(sn, { quantity: "4.9999" })])).toMatchObject({ different: 1, billed: 0 });
    expect(await stateOf(sn)).toBe("conflict");
    expect(await ledger.rows("SELECT kind, ours::text, theirs::text FROM billing.differences")).toEqual([
      { kind: "different", ours: "5.0000", theirs: "4.9999" },
    ]);
    expect(await ledger.rows("SELECT quantity::text FROM records")).toEqual([{ quantity: "5.0000" }]);
  });

  test("of a serial number that is not ours is extra until a complete statement no longer has it", async () => {
    expect(await take([line("stranger")])).toMatchObject({ extra: 1 });
    expect(await take([], { complete: false })).toMatchObject({ extra: 0 });
    expect(await open()).toEqual([["extra", "stranger"]]);
    await take([]);
    expect(await open()).toEqual([]);
  });

  test("another account's record is not ours", async () => {
    const sn = await file(ledger, "i-1", "5.0000");
    const other = await ensureAccount(
      ledger.pool,
      { code: "other", marketplace: "koogallery", site: "intl", dayOffset: 0 },
      H,
    );
    expect(await take([line(sn)], { accountNo: other.accountNo })).toMatchObject({ extra: 1, billed: 0 });
    expect(await stateOf(sn)).toBe("accepted");
  });
});

test("the range to ask for is that of records accepted and not settled, once their window is over", async () => {
  const { accountNo } = ledger.account;
  expect(await unsettledRange(ledger.pool, accountNo, NOW)).toBeUndefined();
  const sn = await file(ledger, "i-1", "5.0000");
  expect(await unsettledRange(ledger.pool, accountNo, H + HOUR + MINUTE)).toBeUndefined();
  expect(await unsettledRange(ledger.pool, accountNo, NOW)).toEqual({ from: H, to: H + 1_000_000 });
  await take([line(sn)]);
  expect(await unsettledRange(ledger.pool, accountNo, NOW)).toBeUndefined();
});
