import { CHAIN_GENESIS, extendChain, HOUR, MINUTE, shardOf, type RecordBody } from "@quarterpast/domain";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { inTransaction, type Db } from "../src/db/database.js";
import { insertRecords, lockChain } from "../src/records/freezing.js";
import { insertSubmission } from "../src/records/submissions.js";
import { REAL } from "./records.js";
import { insertOutcomes } from "../src/records/outcomes.js";

const STATES = ["frozen", "sent", "accepted", "billed", "unknown", "missing", "conflict"] as const;
const state = fc.constantFrom(...STATES);
const pick = fc.nat({ max: 1_000 });

/** What may happen to records and calls, as the ledger's writers do it; `pick` selects among what exists. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant("file" as const),
    count: fc.integer({ min: 1, max: 6 }),
    hours: fc.nat({ max: 2 }),
  }),
  fc.record({ kind: fc.constant("settle" as const), pick, state }),
  fc.record({ kind: fc.constant("cut" as const), pick }),
  fc.record({ kind: fc.constant("resend" as const), pick, isNoted: fc.boolean(), state }),
  fc.record({
    kind: fc.constant("outcome" as const),
    picks: fc.array(pick, { minLength: 1, maxLength: 4 }),
    state,
  }),
  fc.record({ kind: fc.constant("replace" as const), pick }),
);

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  await ledger.meter("calls", "count");
  // All in one shard, so that calls contain records of several instances and meters.
  const ids = Array.from({ length: 100 }, (_, n) => `i-${n}`).filter((id) => shardOf(id) === 0);
  for (const [n, id] of ids.slice(0, 4).entries())
    await ledger.instance(id, n % 2 === 0 ? "tokens" : "calls", `customer of ${id}`);
  await ledger.pool.query("UPDATE instances SET product = 'other' WHERE instance_no % 3 = 0");
});
afterAll(() => ledger.end());

let minute = 0;

/** Files records in one call, as a freeze does; `replaced` makes it a re-report. */
async function file(
  count: number,
  hours: number,
  replaced?: { sn: string; instance_no: number; begin: number },
) {
  const { accountNo, code } = ledger.account;
  const instances = await ledger.rows<{
    instance_no: number;
    instance_id: string;
    meter: string;
    product: string;
  }>(
    "SELECT instance_no, instance_id, m.code AS meter, product FROM instances JOIN meters m USING (meter_no) ORDER BY 1",
  );
  await inTransaction(ledger.pool, async (db) => {
    const head = await lockChain(db, accountNo, 0, CHAIN_GENESIS);
    const chosen = Array.from({ length: count }, (_, n) => instances[(n + minute) % instances.length]!);
    const bodies = chosen.map(({ instance_id: instance, meter, product }, n): RecordBody => {
      const hour = H + (n % (hours + 1)) * HOUR;
      const begin = hour + (minute += 1) * MINUTE;
      const interval = { hour, begin, end: begin + MINUTE, part: "0", replaces: replaced?.sn };
      const amount = { quantity: `${n + 1}.${minute}`, residueIn: "0", residueOut: "0", events: 1 };
      const kind = replaced ? "rereport" : "usage";
      return {
        account: code,
        product,
        instance,
        meter,
        unit: "unit",
        kind,
        recordTime: H,
        ...interval,
        ...amount,
      };
    });
    const records = extendChain(bodies, 0, head).map((record, n) => ({
      ...record,
      ...{ accountNo, instanceNo: chosen[n]!.instance_no, wire: "{}", wireVersion: 1, slot: null },
      ...{ windowEnds: H + 2 * HOUR, lateEnds: H + 3 * HOUR, expires: H + 400 * HOUR },
    }));
    await insertRecords(db, records, H);
    await submit(records[0]!.seq, records.at(-1)!.seq, null, db);
  });
}

async function submit(seqFrom: number, seqTo: number, parent: number | null, db: Db): Promise<void> {
  const { accountNo } = ledger.account;
  const range = { accountNo, shard: 0, seqFrom, seqTo, parent, host: null };
  await insertSubmission(db, { ...range, deadline: H, expires: H + 400 * HOUR }, H, REAL);
}

async function play(each: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const { pool } = ledger;
  if (each.kind === "file") return file(each.count, each.hours);
  const calls = await ledger.rows<{ submission_id: number; seq_from: number; seq_to: number }>(
    "SELECT submission_id, seq_from, seq_to FROM submissions WHERE state <> 'split' ORDER BY 1",
  );
  const records = await ledger.rows<{ sn: string; seq: number }>("SELECT sn, seq FROM records ORDER BY seq");
  if (calls.length === 0) return;
  const call = calls["pick" in each ? each.pick % calls.length : 0]!;
  const record = records["pick" in each ? each.pick % records.length : 0]!;
  switch (each.kind) {
    case "settle":
      await pool.query("UPDATE submissions SET state = $2 WHERE submission_id = $1", [
        call.submission_id,
        each.state,
      ]);
      return;
    case "cut": {
      if (call.seq_to === call.seq_from) return;
      const middle = Math.floor((call.seq_from + call.seq_to) / 2);
      return inTransaction(pool, async (db) => {
        await db.query("UPDATE submissions SET state = 'split' WHERE submission_id = $1", [
          call.submission_id,
        ]);
        await submit(call.seq_from, middle, call.submission_id, db);
        await submit(middle + 1, call.seq_to, call.submission_id, db);
      });
    }
    case "resend":
      return inTransaction(pool, async (db) => {
        const outcome = { sn: record.sn, state: each.state, code: null, detail: "" };
        if (each.isNoted) await insertOutcomes(db, [outcome], "statement", H);
        await submit(record.seq, record.seq, call.submission_id, db);
      });
    case "outcome": {
      const rows = each.picks.map((n) => records[n % records.length]!.sn);
      const outcomes = rows.map((sn) => ({ sn, state: each.state, code: null, detail: "" }));
      return insertOutcomes(pool, outcomes, "reply", H);
    }
    case "replace": {
      const isReplaced = await ledger.rows("SELECT FROM records WHERE replaces = $1", [record.sn]);
      if (isReplaced.length === 0) await file(1, 0, { sn: record.sn, instance_no: 0, begin: 0 });
    }
  }
}

const SUMMED = `SELECT account, hour::text, product, meter, unit, kind, state, records, trim_scale(quantity)::text AS quantity
  FROM billing.records_by_hour`;
const RECOMPUTED = `SELECT account, hour::text, product, meter, unit, kind, state, count(*) AS records,
  trim_scale(sum(quantity))::text AS quantity FROM billing.records GROUP BY 1, 2, 3, 4, 5, 6, 7`;
const ORDER = "ORDER BY 1, 2, 3, 4, 5, 6, 7";

test(
  "sums by hour and state are those of the records, whatever happens to them",
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        await ledger.pool.query(
          "TRUNCATE submissions, attempts, outcomes, records, chains, call_totals, own_states CASCADE",
        );
        minute = 0;
        for (const each of steps) {
          await play(each);
          expect(await ledger.rows(`${SUMMED} ${ORDER}`)).toEqual(
            await ledger.rows(`${RECOMPUTED} ${ORDER}`),
          );
        }
      }),
      { numRuns: 15 },
    );
  },
);
