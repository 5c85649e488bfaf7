import { HOUR, MINUTE, type UsageEvent } from "@quarterpast/domain";
import {
  assignQuarantine,
  countQuarantine,
  listAccountRules,
  rebuildHour,
  removeAccountRule,
  sealHour,
} from "@quarterpast/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batchOf, H, openLedger, secondAccount, usage, type Ledger } from "@quarterpast/testkit";
import { createCorrector } from "../src/correct.js";
import { countBatch } from "../src/count.js";
import { createKnown } from "../src/known.js";
import { releaseQuarantine } from "../src/release.js";

const CN = "koogallery-cn";
const INTL = "koogallery-intl";
const actor = { keyId: "operator" };

let ledger: Ledger;
let intl: Ledger;
const deps = () => ({ pool: ledger.pool, now: () => H + MINUTE });
const count = (...events: UsageEvent[]) => countBatch(deps(), batchOf(events));
/** Usage by instance. */
const used = async () =>
  Object.fromEntries(
    (
      await ledger.rows<{ id: string; quantity: string }>(
        `SELECT instance_id AS id, trim_scale(sum(quantity))::text AS quantity
         FROM hour_usage JOIN instances USING (instance_no) GROUP BY 1`,
      )
    ).map(({ id, quantity }) => [id, quantity]),
  );
/** Ids of waiting events, with reason and account. */
const waiting = async () =>
  Object.fromEntries(
    (
      await ledger.rows<{ id: string; reason: string; account: string | null }>(
        `SELECT e.id, q.reason, q.account FROM quarantine q JOIN events e USING (source_no, key) WHERE q.released_at IS NULL`,
      )
    ).map(({ id, reason, account }) => [id, account === null ? reason : `${reason} ${account}`]),
  );

beforeEach(async () => {
  ledger = await openLedger();
  intl = await secondAccount(ledger, INTL);
  await ledger.meter("tokens", "sum");
  await ledger.instance("cn-1", "tokens", "customer-1");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

/** An event of customer-1 that uses 1. */
const one = (id: string, change: Partial<UsageEvent> = {}) => usage({ id, quantity: "1", ...change });
const naming = (account: string) => ({ extensions: { account } });

describe("an event of several accounts", () => {
  test("finds its instance by subject, meter and time, whichever account has it", async () => {
    await intl.instance("intl-2", "tokens", "customer-2");
    await ledger.instance("cn-3", "tokens", "customer-3", { closed: H });
    await intl.instance("intl-3", "tokens", "customer-3", { opened: H });
    expect(
      await count(one("a"), one("b", { subject: "customer-2" }), one("c", { subject: "customer-3" })),
    ).toMatchObject({ counted: 3 });
    await count(one("d", { subject: "customer-3", time: H - MINUTE }));
    expect(await used()).toEqual({ "cn-1": "1", "intl-2": "1", "intl-3": "1", "cn-3": "1" });
  });

  test("goes to the account that it names, and to no other", async () => {
    await intl.instance("intl-1", "tokens", "customer-1");
    await intl.instance("intl-2", "tokens", "customer-2");
    await count(
      one("a", naming(CN)),
      one("b", naming(INTL)),
      one("c", { subject: "customer-2", ...naming(CN) }),
    );
    expect(await used()).toEqual({ "cn-1": "1", "intl-1": "1" });
    expect(await waiting()).toEqual({ c: `unknown_instance ${CN}` });
    // An instance of the other account never frees it; its own does.
    expect(await releaseQuarantine(deps())).toBe(0);
    await ledger.instance("cn-2", "tokens", "customer-2");
    expect(await releaseQuarantine(deps())).toBe(1);
    expect(await used()).toEqual({ "cn-1": "1", "intl-1": "1", "cn-2": "1" });
  });

  test("waits where two accounts have a live instance and it names none: nothing is guessed", async () => {
    await intl.instance("intl-1", "tokens", "customer-1");
    expect(await count(one("a"), one("b", naming(INTL)))).toMatchObject({ counted: 1, quarantined: 1 });
    expect(await waiting()).toEqual({ a: "ambiguous_account" });
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await used()).toEqual({ "intl-1": "1" });
    // A life that is suspended at the time still counts as a life.
    await ledger.rows(
      `INSERT INTO instance_suspensions (instance_no, suspended_from)
       SELECT instance_no, to_timestamp(0) FROM instances WHERE instance_id = 'intl-1'`,
    );
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await count(one("c"))).toMatchObject({ counted: 0, quarantined: 1 });
  });

  test("that waits for an instance waits for a word when two accounts get one", async () => {
    await count(one("a", { subject: "customer-9" }));
    expect(await waiting()).toEqual({ a: "unknown_instance" });
    await ledger.instance("cn-9", "tokens", "customer-9");
    await intl.instance("intl-9", "tokens", "customer-9");
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await waiting()).toEqual({ a: "ambiguous_account" });
  });

  test("waits where it names an account that is not known, until it is", async () => {
    expect(await count(one("a", naming("koogallery-eu")))).toMatchObject({ quarantined: 1 });
    expect(await waiting()).toEqual({ a: "unknown_account koogallery-eu" });
    expect(await releaseQuarantine(deps())).toBe(0);
    const eu = await secondAccount(ledger, "koogallery-eu");
    await eu.instance("eu-1", "tokens", "customer-1");
    expect(await releaseQuarantine(deps())).toBe(1);
    expect(await used()).toEqual({ "eu-1": "1" });
  });

  test("what is bound stays bound when another account's life appears later", async () => {
    const known = createKnown(ledger.pool, () => performance.now());
    const bound = one("a");
    await countBatch({ ...deps(), known }, batchOf([bound]));
    await intl.instance("intl-1", "tokens", "customer-1");
    expect(await countBatch({ ...deps(), known }, batchOf([bound, one("b")]))).toMatchObject({
      duplicates: 1,
      conflicts: 0,
      quarantined: 1,
    });
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await used()).toEqual({ "cn-1": "1" });
    const { differences } = await rebuildHour(ledger.pool, ledger.account.accountNo, H);
    // The hour is still open, so nothing of it is filed.
    expect(differences.map(({ problem }) => problem)).toEqual(["filed"]);
  });

  test("that names another account under the same id is a conflict, whether counted or waiting", async () => {
    await intl.instance("intl-1", "tokens", "customer-1");
    await count(one("a", naming(CN)), one("w", naming("nobody")));
    expect(await count(one("a", naming(CN)), one("w", naming("nobody")))).toMatchObject({ duplicates: 2 });
    expect(await count(one("a", naming(INTL)), one("a"), one("w", naming(CN)))).toMatchObject({
      conflicts: 3,
    });
    expect(await used()).toEqual({ "cn-1": "1" });
    expect(await ledger.rows("SELECT account FROM conflicts ORDER BY account")).toEqual([
      { account: CN },
      { account: INTL },
      { account: null },
    ]);
  });

  test("is corrected only in its account", async () => {
    await intl.instance("intl-1", "tokens", "customer-1");
    await count(one("a", naming(CN)), one("b", naming(INTL)));
    const cancel = (id: string, of: string, account?: string) =>
      usage({ id, extensions: { cancels: of, ...(account !== undefined && { account }) } });
    await count(cancel("x", "a", INTL), cancel("y", "b", INTL));
    expect(await createCorrector(deps()).run()).toBe(1);
    await count(cancel("z", "a"));
    expect(await createCorrector(deps()).run()).toBe(1);
    expect(await used()).toEqual({ "cn-1": "0", "intl-1": "0" });
    expect(await waiting()).toEqual({ x: `correction_mismatch ${INTL}` });
  });
});

describe("what waits for an account", () => {
  beforeEach(() => intl.instance("intl-1", "tokens", "customer-1"));

  test("is counted where a person says, once, in the first open hour", async () => {
    await count(one("a"), one("b", { source: "other" }), one("c", { subject: "customer-8" }));
    for (let shard = 0; shard < 8; shard += 1)
      await sealHour(ledger.pool, { shard, hour: H, complete: true, reason: "", now: H + HOUR });
    const assign = { account: INTL, reason: "ambiguous_account", source: "test", always: false } as const;
    expect(await assignQuarantine(ledger.pool, actor, assign, H)).toEqual({ events: 1, rule: undefined });
    expect(await assignQuarantine(ledger.pool, actor, assign, H)).toEqual({ events: 0, rule: undefined });
    expect(await releaseQuarantine(deps())).toBe(1);
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await used()).toEqual({ "intl-1": "1" });
    expect(await ledger.rows("SELECT bill_hour - origin_hour = '1 hour' AS later FROM hour_usage")).toEqual([
      { later: true },
    ]);
    expect(await waiting()).toEqual({ b: "ambiguous_account", c: "unknown_instance" });
    // Sent again, it is still the same event.
    expect(await count(one("a"))).toMatchObject({ duplicates: 1, conflicts: 0 });
    expect(await ledger.rows("SELECT act, ref, account_no, after FROM audit")).toEqual([
      {
        ...{ act: "quarantine.assign", ref: "reason ambiguous_account source test", account_no: null },
        after: { account: INTL, events: 1 },
      },
    ]);
  });

  test("goes on waiting, for that account's instance, where it has none then", async () => {
    await ledger.rows("UPDATE instances SET closed = to_timestamp($1) WHERE instance_id = 'intl-1'", [
      (H + MINUTE) / 1e6,
    ]);
    await count(one("a"), one("b", naming("nobody")));
    const { account } = await secondAccount(ledger, "koogallery-eu");
    const assign = { account: account.code, subject: "customer-1", meter: "tokens", always: false };
    expect(await assignQuarantine(ledger.pool, actor, assign, H)).toMatchObject({ events: 2 });
    expect(await waiting()).toEqual({
      a: "unknown_instance koogallery-eu",
      b: "unknown_instance koogallery-eu",
    });
    // Assigned to the wrong account: a person may correct that.
    await assignQuarantine(ledger.pool, actor, { ...assign, account: INTL }, H);
    expect(await releaseQuarantine(deps())).toBe(2);
    expect(await used()).toEqual({ "intl-1": "2" });
  });

  test("is never taken from an account that it names", async () => {
    await count(one("a", { subject: "customer-8", ...naming(CN) }));
    const assign = { account: INTL, subject: "customer-8", always: false };
    expect(await assignQuarantine(ledger.pool, actor, assign, H)).toMatchObject({ events: 0 });
    expect(await waiting()).toEqual({ a: `unknown_instance ${CN}` });
    expect(await assignQuarantine(ledger.pool, actor, { ...assign, account: "nobody" }, H)).toBeUndefined();
  });

  test("is counted by a lasting rule of its source or subject, which goes first, and so is what comes later", async () => {
    await count(one("a"), one("b", { source: "other" }));
    const always = { account: INTL, always: true };
    const done = await assignQuarantine(ledger.pool, actor, { ...always, source: "test" }, H);
    expect(done).toMatchObject({ events: 1, rule: { source: "test", subject: null, account: INTL } });
    expect(await releaseQuarantine(deps())).toBe(1);
    expect(await count(one("c"), one("d", { source: "other" }))).toMatchObject({
      counted: 1,
      quarantined: 1,
    });
    await assignQuarantine(ledger.pool, actor, { ...always, account: CN, subject: "customer-1" }, H);
    expect(await releaseQuarantine(deps())).toBe(2);
    expect(await count(one("e"), one("f", { source: "other" }), one("g", naming(INTL)))).toMatchObject({
      counted: 3,
    });
    expect(await used()).toEqual({ "cn-1": "4", "intl-1": "3" });
    const [bySource, bySubject] = (await listAccountRules(ledger.pool)).toSorted(
      (a, b) => a.ruleNo - b.ruleNo,
    );
    expect([bySource, bySubject]).toMatchObject([{ source: "test" }, { subject: "customer-1" }]);
    for (const { ruleNo } of [bySource!, bySubject!])
      expect(await removeAccountRule(ledger.pool, actor, ruleNo, H)).toBe(true);
    expect(await removeAccountRule(ledger.pool, actor, bySource!.ruleNo, H)).toBe(false);
    expect(await count(one("h"))).toMatchObject({ quarantined: 1 });
    expect((await ledger.rows("SELECT act FROM audit ORDER BY audit_id")).map(({ act }) => act)).toEqual([
      ...["account_rules.set", "quarantine.assign", "account_rules.set", "quarantine.assign"],
      ...["account_rules.remove", "account_rules.remove"],
    ]);
  });

  test("a rule decides between live instances only: where one account has one, it is its", async () => {
    await ledger.instance("cn-2", "tokens", "customer-2");
    await assignQuarantine(ledger.pool, actor, { account: INTL, always: true, source: "test" }, H);
    await count(one("a", { subject: "customer-2" }));
    expect(await used()).toEqual({ "cn-2": "1" });
  });

  test("is seen by an account's people only where it names that account or can only be its", async () => {
    await intl.instance("intl-2", "tokens", "customer-2", { closed: H });
    await count(
      one("a"),
      one("b", { subject: "customer-2" }),
      one("c", { subject: "customer-7", ...naming(CN) }),
      one("d", { subject: "customer-6" }),
    );
    const seen = async (...accounts: string[]) =>
      (await countQuarantine(ledger.pool, { accounts, limit: 10 })).map(({ subject }) => subject);
    expect(await seen(CN)).toEqual(["customer-7"]);
    expect(await seen(INTL)).toEqual(["customer-2"]);
    expect(await countQuarantine(ledger.pool, { accounts: null, limit: 10 })).toHaveLength(4);
  });
});
