import {
  HOUR,
  MINUTE,
  SECOND,
  transition,
  type RecordHappening,
  type RecordState,
} from "@quarterpast/domain";
import {
  claimSubmissions,
  expireSubmissions,
  inTransaction,
  settleSubmission,
  type ClaimedSubmission,
} from "@quarterpast/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import { model, onBench, type Bench } from "./kit.js";

/** What may happen to one call's records, in any order; a zombie settles with an outdated fence. */
const SETTLEMENTS = [
  "not_taken",
  "accepted",
  "duplicate",
  "conflict",
  "rejected_fixable",
  "rejected_final",
  "unknown",
] as const;
type Step =
  | { kind: "claim" }
  | { kind: "settle"; as: (typeof SETTLEMENTS)[number] }
  | { kind: "zombie"; as: (typeof SETTLEMENTS)[number] }
  | { kind: "leaseRunsOut" }
  | { kind: "expire" };

const as = fc.constantFrom(...SETTLEMENTS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "claim" as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("settle" as const), as }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("zombie" as const), as }) },
  { weight: 2, arbitrary: fc.constant({ kind: "leaseRunsOut" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "expire" as const }) },
);

async function fileOne({ ledger, sealUntil, freezeAll }: Bench): Promise<void> {
  await ledger.meter("tokens", "sum");
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.rows(
    "INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 5, 1 FROM instances",
    [H / 1e6],
  );
  await sealUntil(H + HOUR + 8 * MINUTE);
  await freezeAll();
}

test("a submission's life is the state table's, whoever wakes up late", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), (steps) =>
      onBench(async (bench) => {
        await fileOne(bench);
        const { ledger, clock } = bench;
        const claims: ClaimedSubmission[] = [];
        let holder: ClaimedSubmission | undefined;
        let state: RecordState = "frozen";
        let now = clock.now();
        let real = clock.real();
        const settle = (claim: ClaimedSubmission, happening: RecordHappening) =>
          inTransaction(ledger.pool, (db) => {
            const next = transition("sent", happening)!;
            return settleSubmission(db, claim, { state: next, code: null, host: null, nextAt: real }, now);
          });
        for (const each of steps) {
          real += SECOND;
          if (each.kind === "leaseRunsOut") {
            real += 60 * SECOND;
            holder = undefined;
          } else if (each.kind === "claim") {
            const [claim] = await inTransaction(ledger.pool, (db) =>
              claimSubmissions(db, {
                accountNo: ledger.account.accountNo,
                now,
                real,
                leaseUntil: real + 30 * SECOND,
                limit: 1,
              }),
            );
            // A call that is sent but held by no reporter is due, as if it were unknown.
            const isDue: boolean = holder === undefined && ["frozen", "sent", "unknown"].includes(state);
            expect(claim !== undefined).toBe(isDue);
            if (!claim) continue;
            expect(claim.attempt).toBe(claims.length + 1);
            claims.push(claim);
            holder = claim;
            state = "sent";
          } else if (each.kind === "settle" && holder) {
            expect(await settle(holder, each.as)).toBe(true);
            state = transition("sent", each.as)!;
            holder = undefined;
          } else if (each.kind === "zombie" && claims.length > 1) {
            expect(await settle(claims[0]!, each.as)).toBe(false);
          } else if (each.kind === "expire") {
            now += 22 * 24 * HOUR;
            if (holder) real += 60 * SECOND;
            holder = undefined;
            await expireSubmissions(ledger.pool, ledger.account.accountNo, now, real);
            if (["frozen", "sent", "unknown"].includes(state)) state = "expired";
          }
          const [row] = await ledger.rows<{ state: string }>("SELECT state FROM billing.records");
          expect(row!.state).toBe(state);
        }
      }),
    ),
    model(8),
  );
});
