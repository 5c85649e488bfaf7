import { HOUR, MINUTE, SECOND } from "@quarterpast/domain";
import { actOnCase } from "@quarterpast/store";
import { H } from "@quarterpast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watchCases } from "../src/cases.js";
import { callsOf } from "../src/freeze.js";
import { submitNext } from "../src/submit.js";
import { openMadeUp, type MadeUpShop } from "./madeUpKit.js";

let shop: MadeUpShop;

beforeEach(async () => {
  shop = await openMadeUp("careless");
});
afterEach((context) => shop.end(context.task.result?.state === "fail"));

const call = () =>
  shop.ledger.rows<{ submission_id: number; state: string; held: boolean; attempts: number }>(
    "SELECT submission_id, state, next_at = 'infinity' AS held, attempts FROM submissions",
  );

describe("a call that may have been taken, where repeats are known again for three hours", () => {
  const lose = () => void shop.market.faults.push((response) => response.socket?.destroy());

  beforeEach(async () => {
    await shop.used("i-1", "5");
    await shop.freeze();
    lose();
    await submitNext(shop.deps());
    shop.clock.advance(2 * MINUTE);
  });

  test("goes out again at once within that time", async () => {
    expect(await shop.submitAll()).toBe(1);
    expect(await call()).toMatchObject([{ state: "accepted", attempts: 2 }]);
  });

  test("is held after it, from the first call on, and opens a case; a person sends it once more", async () => {
    for (let again = 0; again < 2; again += 1) {
      shop.clock.advance(80 * MINUTE);
      lose();
      expect(await submitNext(shop.deps())).toBe(true);
    }
    shop.clock.advance(20 * MINUTE);
    expect(await shop.submitAll()).toBe(0);
    expect(await call()).toMatchObject([{ state: "unknown", held: true, attempts: 3 }]);
    shop.clock.advance(HOUR);
    await watchCases(shop.deps());
    const [opened] = await shop.ledger.rows<{ case_id: number; kind: string }>(
      "SELECT case_id, kind FROM cases",
    );
    expect(opened).toMatchObject({ kind: "call_unknown" });
    const actor = { accountNos: [shop.account.accountNo], seller: false, keyId: "key" };
    const act = { act: "resend", reason: "the marketplace's support says that it is not there" } as const;
    const done = await actOnCase(shop.ledger.pool, actor, opened!.case_id, act, shop.clock.now());
    expect(done).toMatchObject({ outcome: "done" });
    lose();
    expect(await shop.submitAll()).toBe(1);
    shop.clock.advance(5 * MINUTE);
    expect(await shop.submitAll()).toBe(0);
    expect(await call()).toMatchObject([{ state: "unknown", held: true, attempts: 4 }]);
    expect(await actOnCase(shop.ledger.pool, actor, opened!.case_id, act, shop.clock.now())).toMatchObject({
      outcome: "done",
    });
    expect(await shop.submitAll()).toBe(1);
    expect(await call()).toMatchObject([{ state: "accepted", attempts: 5 }]);
  });

  test("that was cut off with its reporter is held too", async () => {
    await shop.ledger.rows(
      "UPDATE submissions SET state = 'sent', lease_until = now() - interval '1 minute'",
    );
    await shop.ledger.rows("UPDATE attempts SET result = NULL");
    shop.clock.advance(4 * HOUR);
    expect(await shop.submitAll()).toBe(0);
    expect(await call()).toMatchObject([{ state: "unknown", held: true, attempts: 1 }]);
  });
});

test("a single record of which an answer did not say is held after that time, and what was not taken is not", async () => {
  for (const instance of ["BUSY", "SILENT"]) await shop.used(instance, "5");
  await shop.freeze();
  const named = await shop.ledger.rows<{ sn: string; instance_id: string }>(
    "SELECT sn, instance_id FROM billing.records",
  );
  for (const { sn, instance_id: fate } of named) shop.market.answers.set(sn, fate);
  expect(await submitNext(shop.deps())).toBe(true);
  shop.clock.advance(4 * HOUR);
  expect(await shop.submitAll()).toBe(1);
  expect([...shop.market.filed.values()].map(({ instance }) => instance)).toEqual(["BUSY"]);
  expect((await call()).filter(({ held }) => held)).toMatchObject([{ state: "unknown", attempts: 0 }]);
});

test("calls with records of one instance are a minute apart", async () => {
  await shop.used("i-1", "5");
  await shop.freeze();
  expect(await shop.submitAll()).toBe(1);
  await shop.used("i-1", "6", H + HOUR);
  await shop.used("i-2", "7", H + HOUR);
  await shop.freeze(H + 2 * HOUR + 9 * MINUTE);
  // As if the first call had been half a minute ago.
  await shop.ledger.rows("UPDATE attempts SET sent_real = $1::timestamptz", [
    new Date(shop.clock.real() / 1_000 - 30_000).toISOString(),
  ]);
  expect(await shop.submitAll()).toBe(0);
  shop.clock.advance(31 * SECOND);
  expect(await shop.submitAll()).toBe(1);
  expect(shop.market.filed.size).toBe(3);
});

test("all that an instance owes goes into one call, however the calls are cut", () => {
  const record = (instanceNo: number, product = "p") => ({ instanceNo, product }) as never;
  const records = [
    record(1),
    record(1),
    record(2),
    record(2),
    record(3),
    record(3),
    record(3),
    record(4, "q"),
  ];
  const sizes = (spacingMs: number) =>
    callsOf(records, {
      ...{ recordsPerCall: 3, profile: { ...shop.profile, calls: { ...shop.profile.calls, spacingMs } } },
    }).map(({ length }) => length);
  expect(sizes(60_000)).toEqual([2, 2, 3, 1]);
  expect(sizes(0)).toEqual([3, 3, 1, 1]);
});
