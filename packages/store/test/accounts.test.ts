import { DAY, HOUR, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, secondAccount, type Ledger } from "@quarterpast/testkit";
import { ensureAccount, haltAccount, moveAccount } from "../src/catalog/accounts.js";
import { listAudit } from "../src/catalog/audit.js";
import { inTransaction } from "../src/db/database.js";
import { readSealedUsage } from "../src/records/freezing.js";
import { findRecord, listRecords } from "../src/records/records.js";
import { lockRereport, requestRereport } from "../src/records/rereports.js";
import { isFilingUnderWay, readBacklog } from "../src/records/backlog.js";
import { claimSubmissions, expireSubmissions, giveUpLost } from "../src/records/submissions.js";
import { keepCases, readCases } from "../src/reconcile/cases.js";
import { divideHours, findFreezeWork, listHours, lockFreezeWork, sealHour } from "../src/usage/hours.js";
import { file, REAL } from "./records.js";

let cn: Ledger;
let intl: Ledger;
beforeEach(async () => {
  cn = await openLedger();
  intl = await secondAccount(cn);
  await cn.meter("tokens", "sum");
});
afterEach(async (context) => cn.end(context.task.result?.state === "fail"));

const NOW = H + HOUR + 2 * MINUTE;
const claiming = { now: NOW, real: REAL, leaseUntil: REAL + MINUTE, limit: 10 };
const numbers = () => ({ cn: cn.account.accountNo, intl: intl.account.accountNo });

describe("calls", () => {
  test("are claimed, given up and expire only by their own account", async () => {
    const [ours, theirs] = [await file(cn, "i-cn", "1", []), await file(intl, "i-intl", "2", [])];
    const { cn: accountNo, intl: other } = numbers();
    await haltAccount(cn.pool, other, "MKT.0102", NOW);
    const claimed = await claimSubmissions(cn.pool, { ...claiming, accountNo });
    expect(claimed.map(({ account }) => account)).toEqual(["koogallery-cn"]);
    expect(await claimSubmissions(cn.pool, { ...claiming, accountNo: other })).toEqual([]);
    expect(await readBacklog(cn.pool, accountNo)).toMatchObject({ submissions: 1, records: 1 });

    await cn.rows("UPDATE submissions SET state = 'sent', next_at = 'infinity', lease_until = '2000-01-01'");
    expect(await giveUpLost(cn.pool, accountNo, NOW, REAL)).toBe(1);
    expect((await findRecord(cn.pool, [accountNo], ours))!.state).toBe("unknown");
    expect((await findRecord(cn.pool, [other], theirs))!.state).toBe("sent");
    expect(await expireSubmissions(cn.pool, accountNo, H + 21 * DAY, REAL)).toBe(1);
    expect((await findRecord(cn.pool, [other], theirs))!.state).toBe("sent");
  });

  test("of one account that are owed hold up no proof of another", async () => {
    await file(intl, "i-intl", "2", []);
    await sealAll(H);
    await divideHours(cn.pool, NOW);
    const { cn: accountNo, intl: other } = numbers();
    expect(await isFilingUnderWay(cn.pool, accountNo, NOW)).toBe(false);
    expect(await isFilingUnderWay(cn.pool, other, NOW)).toBe(true);
  });
});

describe("records", () => {
  test("are listed and found only for their own account, and so are requests to file them again", async () => {
    const [ours, theirs] = [await file(cn, "i-cn", "1"), await file(intl, "i-intl", "2")];
    const { cn: accountNo, intl: other } = numbers();
    const list = async (accounts: number[]) =>
      (await listRecords(cn.pool, accounts, { after: "", limit: 10 })).map(({ sn }) => sn);
    expect(await list([accountNo])).toEqual([ours]);
    expect((await list([accountNo, other])).sort()).toEqual([ours, theirs].sort());
    expect(await findRecord(cn.pool, [accountNo], theirs)).toBeUndefined();

    const wish = { sn: theirs, quantity: null, interval: null, reason: "a reason", keyId: "k" };
    expect(await requestRereport(cn.pool, accountNo, wish, NOW)).toBe(false);
    expect(await requestRereport(cn.pool, other, wish, NOW)).toBe(true);
    expect(await lockRereport(cn.pool, accountNo)).toBeUndefined();
    expect(await lockRereport(cn.pool, other)).toMatchObject({ sn: theirs, account: "koogallery-intl" });
  });

  test("that call for a person open a case only of their own account", async () => {
    await file(intl, "i-intl", "2", ["rejected_final"]);
    const { cn: accountNo, intl: other } = numbers();
    expect(await keepCases(cn.pool, accountNo, NOW)).toEqual({ opened: 0, settled: 0 });
    expect(await keepCases(cn.pool, other, NOW)).toEqual({ opened: 1, settled: 0 });
    expect(await keepCases(cn.pool, null, NOW)).toEqual({ opened: 0, settled: 0 });
  });

  test("what is of no single account opens a case of the seller, which ends when a person says of which it is", async () => {
    await cn.rows(
      `INSERT INTO quarantine (source_no, key, account, reason, subject, meter, quarantined_at)
       SELECT 1, gen_random_uuid(), a, 'ambiguous_account', 'customer-1', 'tokens', to_timestamp($1::float8)
       FROM unnest(ARRAY[NULL, 'koogallery-intl']) AS t (a)`,
      [H / 1e6],
    );
    const { cn: accountNo, intl: other } = numbers();
    expect(await keepCases(cn.pool, accountNo, NOW)).toEqual({ opened: 0, settled: 0 });
    expect(await keepCases(cn.pool, other, NOW)).toEqual({ opened: 1, settled: 0 });
    expect(await keepCases(cn.pool, null, NOW)).toEqual({ opened: 1, settled: 0 });
    expect(await keepCases(cn.pool, null, NOW)).toEqual({ opened: 0, settled: 0 });
    expect(await cn.rows("SELECT account FROM billing.cases ORDER BY account")).toEqual([
      { account: "koogallery-intl" },
      { account: null },
    ]);
    const scope = { accountNos: [accountNo, other], seller: false };
    expect(await readCases(cn.pool, scope, { all: false, after: 0, limit: 9 })).toHaveLength(1);
    await cn.rows("UPDATE quarantine SET account = 'koogallery-cn' WHERE account IS NULL");
    expect(await keepCases(cn.pool, null, NOW)).toEqual({ opened: 0, settled: 1 });
  });
});

describe("a sealed hour", () => {
  test("is divided among its accounts: each makes its own records, and waits for no other", async () => {
    await cn.instance("i", "tokens", "customer-1");
    await intl.instance("i", "tokens", "customer-2");
    await use("i", 3);
    await sealAll(H);
    await divideHours(cn.pool, NOW);
    const { cn: accountNo, intl: other } = numbers();
    for (const no of [other, accountNo]) {
      const [work, ...more] = await findFreezeWork(cn.pool, no);
      expect([work!.accountNo, more]).toEqual([no, []]);
      await inTransaction(cn.pool, async (db) => {
        const locked = (await lockFreezeWork(db, work!))!;
        const usages = await readSealedUsage(db, locked, 10);
        expect(usages.map((usage) => usage.accountNo)).toEqual([no]);
      });
    }
  });

  test("shows only an account's own usage and records", async () => {
    await cn.instance("i", "tokens", "customer-1");
    await intl.instance("i", "tokens", "customer-2");
    await use("i", 3);
    await file(intl, "i-2", "1");
    const shown = async (accounts: number[]) =>
      (await listHours(cn.pool, accounts, H + HOUR, 1)).map(({ events, records }) => [events, records]);
    const { cn: accountNo, intl: other } = numbers();
    expect(await shown([accountNo])).toEqual([[1, 0]]);
    expect(await shown([other])).toEqual([[1, 1]]);
    expect(await shown([accountNo, other])).toEqual([[2, 1]]);
  });
});

describe("an account", () => {
  test("moves to another address on a person's word, never while a call may have been taken at the old one", async () => {
    const { accountNo, code, marketplace, site, dayOffset } = cn.account;
    const declared = { code, marketplace, site, dayOffset };
    await ensureAccount(cn.pool, { ...declared, address: "old.example" }, NOW);
    await file(cn, "i-cn", "1", []);
    const move = (address: string) =>
      moveAccount(cn.pool, { accountNo, keyId: "k" }, { address, reason: "a new name" }, NOW);
    await cn.rows("UPDATE submissions SET state = 'unknown', host = 'old.example'");
    expect(await move("new.example")).toEqual({ outcome: "calls_unsettled", calls: 1 });
    await expect(ensureAccount(cn.pool, { ...declared, address: "new.example" }, NOW)).rejects.toThrow(
      /is bound to address old.example/,
    );
    await cn.rows("UPDATE submissions SET state = 'accepted'");
    expect(await move("new.example")).toMatchObject({
      outcome: "moved",
      account: { address: "new.example" },
    });
    expect(await move("new.example")).toMatchObject({ outcome: "unchanged" });
    expect(await ensureAccount(cn.pool, { ...declared, address: "new.example" }, NOW)).toMatchObject({
      accountNo,
    });
    await expect(ensureAccount(cn.pool, { ...declared, address: "old.example" }, NOW)).rejects.toMatchObject({
      problem: {
        right: {
          en: expect.stringContaining(
            "quarterpast accounts move koogallery-cn --address old.example",
          ) as string,
        },
      },
    });
    expect(await listAudit(cn.pool, [accountNo], { seller: false, limit: 9 })).toMatchObject([
      {
        act: "accounts.move",
        ref: code,
        before: { address: "old.example" },
        after: { address: "new.example", reason: "a new name" },
      },
    ]);
  });

  test("takes no number at a start of its own, however many there are", async () => {
    const last = async () => (await cn.rows("SELECT last_value FROM accounts_account_no_seq"))[0];
    const before = await last();
    const { code, marketplace, site, dayOffset } = cn.account;
    for (let start = 0; start < 20; start += 1)
      await ensureAccount(cn.pool, { code, marketplace, site, dayOffset }, NOW);
    expect(await last()).toEqual(before);
    await cn.rows("SELECT setval('accounts_account_no_seq', 32767)");
    expect(await ensureAccount(cn.pool, { code, marketplace, site, dayOffset }, NOW)).toEqual(cn.account);
  });

  test("that is declared otherwise is refused once it has records, and bound anew before", async () => {
    const { code, dayOffset } = cn.account;
    const declared = (site: string, address: string) =>
      ensureAccount(cn.pool, { code, marketplace: "koogallery", site, dayOffset, address }, NOW);
    expect(await declared("intl", "mkt-intl.example")).toMatchObject({
      site: "intl",
      address: "mkt-intl.example",
    });
    expect(await declared("cn", "mkt.example")).toMatchObject({ site: "cn", address: "mkt.example" });
    await file(cn, "i-cn", "1");
    expect(await declared("cn", "mkt.example")).toMatchObject({ site: "cn", address: "mkt.example" });
    await expect(declared("intl", "mkt.example")).rejects.toMatchObject({
      problem: { account: code, name: "site", value: "intl" },
    });
    await expect(declared("cn", "elsewhere.example")).rejects.toMatchObject({
      problem: { name: "address", value: "elsewhere.example" },
    });
    // A process that does not know the address does not change it.
    expect(
      await ensureAccount(cn.pool, { code, marketplace: "koogallery", site: "cn", dayOffset }, NOW),
    ).toMatchObject({
      address: "mkt.example",
    });
  });
});

async function use(instance: string, quantity: number): Promise<void> {
  await cn.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($3::float8), instance_no, to_timestamp($3::float8), $2::numeric, 1
     FROM instances WHERE instance_id = $1`,
    [instance, quantity, H / 1e6],
  );
}

async function sealAll(hour: number): Promise<void> {
  for (let shard = 0; shard < 8; shard += 1)
    await sealHour(cn.pool, { shard, hour, complete: true, reason: "", now: NOW });
}
