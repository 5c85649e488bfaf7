import { DAY, HOUR, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { haltAccount } from "../src/catalog/accounts.js";
import { countSends, findRecord, listRecords } from "../src/records/records.js";
import { finishRereport, lockRereport, requestRereport } from "../src/records/rereports.js";
import { inTransaction } from "../src/db/database.js";
import {
  claimSubmissions,
  expireSubmissions,
  finishAttempt,
  renewLease,
  settleSubmission,
  stillHolds,
} from "../src/records/submissions.js";
import { file, REAL } from "./records.js";
import { readBacklog, readOutgoing } from "../src/records/backlog.js";

const NOW = H + HOUR + MINUTE;
let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

const claim = (change: { now?: number; real?: number; leaseUntil?: number; limit?: number } = {}) =>
  claimSubmissions(ledger.pool, {
    accountNo: ledger.account.accountNo,
    now: NOW,
    real: REAL,
    leaseUntil: REAL + MINUTE,
    limit: 10,
    ...change,
  });

test("a record that one answer left unknown may have been taken, whatever a later one says", async () => {
  const sn = await file(ledger, "i-1", "1.0000", []);
  const [call] = await claim();
  const accepted = { state: "accepted", code: null, host: "h", nextAt: REAL } as const;
  const evidence = { host: "h", bodySha256: null, code: null, httpStatus: 200, reply: "", durationMs: 1 };
  await inTransaction(ledger.pool, async (db) => {
    await finishAttempt(db, call!, { ...evidence, result: "accepted" } as never);
    await settleSubmission(db, call!, accepted, NOW);
  });
  const isTaken = async () => {
    const rows = await ledger.rows("SELECT may_have_been_taken(r) AS taken FROM records r WHERE sn = $1", [
      sn,
    ]);
    return rows[0];
  };
  expect(await isTaken()).toEqual({ taken: false });
  for (const state of ["unknown", "rejected_final"])
    await ledger.rows(
      "INSERT INTO outcomes (sn, state, code, source, at) VALUES ($1, $2, 'X', 'reply', to_timestamp($3))",
      [sn, state, NOW / 1e6],
    );
  expect(await isTaken()).toEqual({ taken: true });
});

describe("a claim", () => {
  test("belongs to one reporter only, with its intent committed before the first byte", async () => {
    for (let n = 0; n < 5; n += 1) await file(ledger, `i-${n}`, "1.0000", []);
    const claims = (await Promise.all(Array.from({ length: 5 }, () => claim({ limit: 2 })))).flat();
    expect(new Set(claims.map(({ submissionId }) => submissionId)).size).toBe(5);
    expect(claims).toHaveLength(5);
    expect(await ledger.rows("SELECT attempt, result FROM attempts")).toEqual(
      Array(5).fill({ attempt: 1, result: null }),
    );
    expect(await readOutgoing(ledger.pool, claims[0]!)).toHaveLength(1);
  });

  test("whose lease ran out goes to another; the zombie settles nothing", async () => {
    const sn = await file(ledger, "i-1", "1.0000", []);
    const [zombie] = await claim();
    expect(await claim()).toEqual([]);
    const [heir] = await claim({ real: REAL + 2 * MINUTE, leaseUntil: REAL + 3 * MINUTE });
    expect(heir).toMatchObject({ submissionId: zombie!.submissionId, attempt: 2 });
    expect(await stillHolds(ledger.pool, zombie!, REAL)).toBe(false);
    expect(await renewLease(ledger.pool, zombie!, REAL + DAY)).toBe(false);
    const accepted = { state: "accepted", code: null, host: "h", nextAt: REAL } as const;
    expect(await settleSubmission(ledger.pool, zombie!, accepted, NOW)).toBe(false);
    expect((await findRecord(ledger.pool, [ledger.account.accountNo], sn))!.state).toBe("sent");
    expect(await stillHolds(ledger.pool, heir!, REAL + 2 * MINUTE)).toBe(true);
    expect(await renewLease(ledger.pool, heir!, REAL + DAY)).toBe(true);
    expect(await settleSubmission(ledger.pool, heir!, accepted, NOW)).toBe(true);
    expect((await findRecord(ledger.pool, [ledger.account.accountNo], sn))!.state).toBe("accepted");
    expect(await countSends(ledger.pool, ledger.account.accountNo, [sn])).toEqual(new Map([[sn, 2]]));
  });

  test("is not given for a halted account, nor before its turn, nor after expiry", async () => {
    await file(ledger, "i-1", "1.0000", []);
    await haltAccount(ledger.pool, ledger.account.accountNo, "MKT.0102", H);
    expect(await claim()).toEqual([]);
    await haltAccount(ledger.pool, ledger.account.accountNo, null, H);
    expect(await claim({ real: REAL - 1 })).toEqual([]);
    expect(await claim({ now: H + 21 * DAY })).toEqual([]);
    expect(await claim()).toHaveLength(1);
  });
});

test("what expires is reported, and no longer owed; a running call is left to its reply", async () => {
  const sn = await file(ledger, "i-1", "1.0000", []);
  await claim();
  expect(await expireSubmissions(ledger.pool, ledger.account.accountNo, H + 21 * DAY, REAL)).toBe(0);
  expect(await expireSubmissions(ledger.pool, ledger.account.accountNo, H + 21 * DAY, REAL + MINUTE)).toBe(1);
  expect((await findRecord(ledger.pool, [ledger.account.accountNo], sn))!.state).toBe("expired");
  expect(await readBacklog(ledger.pool, ledger.account.accountNo)).toEqual({
    submissions: 0,
    records: 0,
    firstDeadline: null,
  });
});

test("frozen records, outcomes and residues refuse every change", async () => {
  await file(ledger, "i-1", "1.0000");
  for (const sql of [
    "UPDATE records SET quantity = 2",
    "DELETE FROM records",
    "UPDATE records SET wire = ''",
  ])
    await expect(ledger.pool.query(sql)).rejects.toThrow(/records is append-only: (UPDATE|DELETE) refused/);
  await expect(
    ledger.pool.query(
      "INSERT INTO records SELECT account_no, shard, seq + 1, 'other' AS sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events, replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at FROM records",
    ),
  ).rejects.toThrow(/records_instance_no_begin_at_end_at_part_key/);
});

test("records come in pages, by hour, instance and state", async () => {
  const sns: string[] = [];
  for (let n = 0; n < 3; n += 1) sns.push(await file(ledger, `i-${n}`, "1.0000"));
  sns.sort();
  const page = async (filter: object): Promise<string[]> =>
    (await listRecords(ledger.pool, [ledger.account.accountNo], { after: "", limit: 2, ...filter })).map(
      ({ sn }) => sn,
    );
  expect(await page({})).toEqual(sns.slice(0, 2));
  expect(await page({ after: sns[1] })).toEqual(sns.slice(2));
  expect(await page({ hour: H + HOUR })).toEqual([]);
  expect(await page({ instanceId: "i-1" })).toHaveLength(1);
  expect(await page({ state: "billed" })).toEqual([]);
  expect(await findRecord(ledger.pool, [ledger.account.accountNo], "nobody's")).toBeUndefined();
});

test("a wish to re-report waits once per record, is taken by one reporter and ends with its reason", async () => {
  const sn = await file(ledger, "i-1", "1.0000");
  const wish = { sn, quantity: null, interval: null, reason: "wrong price", keyId: "k" };
  expect(await requestRereport(ledger.pool, ledger.account.accountNo, wish, NOW)).toBe(true);
  expect(await requestRereport(ledger.pool, ledger.account.accountNo, wish, NOW)).toBe(false);
  await inTransaction(ledger.pool, async (db) => {
    const waiting = await lockRereport(db, ledger.account.accountNo);
    expect(waiting).toMatchObject({ sn, quantity: "1.0000", part: "0", newBegin: null });
    expect(await lockRereport(ledger.pool, ledger.account.accountNo)).toBeUndefined();
    await finishRereport(db, waiting!.requestId, { refused: "it is not void" }, NOW);
  });
  expect(await lockRereport(ledger.pool, ledger.account.accountNo)).toBeUndefined();
  expect(await requestRereport(ledger.pool, ledger.account.accountNo, wish, NOW)).toBe(true);
});
