import { HOUR, MINUTE, SECOND, type UsageEvent } from "@quarterpast/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { countBatch } from "../../services/aggregator/src/count.js";
import { batchOf, H, usage } from "@quarterpast/testkit";
import { exact, model, onBench } from "./kit.js";

/** What may happen to a ledger, in any order: usage on time and late, repeats, hours sealed, records made. */
type Step =
  | { kind: "use"; events: { id: number; instance: number; hour: number; quantity: string }[] }
  | { kind: "seal" }
  | { kind: "freeze" };

const quantity = fc
  .tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 999_999 }))
  .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(6, "0")}`.replace(/\.?0+$/, "") || "0");
const event = fc.record({
  id: fc.integer({ min: 0, max: 30 }),
  instance: fc.integer({ min: 0, max: 2 }),
  hour: fc.integer({ min: 0, max: 3 }),
  quantity,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("use" as const),
      events: fc.array(event, { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "seal" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "freeze" as const }) },
);

const STEP = exact("0.0001");

test(
  "sealing, late usage and residue: every sum is that of the first sending of each id",
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), (steps) =>
        onBench(async ({ ledger, clock, sealUntil, freezeAll }) => {
          await ledger.meter("tokens", "sum");
          for (const no of [0, 1, 2]) await ledger.instance(`i-${no}`, "tokens", `customer-${no}`);
          const first = new Map<number, { instance: number; hour: number; bill: number; quantity: string }>();
          let open = 0;
          const toEvent = ({
            id,
            instance,
            hour,
            quantity: amount,
          }: (Step & { kind: "use" })["events"][number]): UsageEvent =>
            usage({
              id: `e-${id}`,
              subject: `customer-${instance}`,
              time: H + hour * HOUR + MINUTE,
              quantity: amount,
            });
          for (const each of [...steps, { kind: "seal" } as const, { kind: "freeze" } as const]) {
            if (each.kind === "use") {
              await countBatch(
                { pool: ledger.pool, now: () => clock.now() },
                batchOf(each.events.map(toEvent)),
              );
              for (const sent of each.events) {
                if (!first.has(sent.id)) first.set(sent.id, { ...sent, bill: Math.max(sent.hour, open) });
              }
            }
            if (each.kind === "seal") await sealUntil(H + (open += 1) * HOUR + 8 * MINUTE);
            if (each.kind === "freeze") await freezeAll();
          }
          const cells = await ledger.rows<{ instance: string; bill: number; quantity: string }>(
            `SELECT instance_id AS instance, ((extract(epoch FROM bill_hour) - ${H / 1e6}) / 3600)::integer AS bill, sum(quantity)::text AS quantity
           FROM hour_usage JOIN instances USING (instance_no) GROUP BY 1, 2`,
          );
          const due = new Map<string, bigint>();
          for (const { instance, bill, quantity: amount } of first.values()) {
            const key = `i-${instance} ${bill}`;
            due.set(key, (due.get(key) ?? 0n) + exact(amount));
          }
          expect(
            new Map(cells.map((cell) => [`${cell.instance} ${cell.bill}`, exact(cell.quantity)])),
          ).toEqual(due);
          for (const no of [0, 1, 2]) {
            let sealed = 0n;
            for (const [key, amount] of due)
              if (key.startsWith(`i-${no} `) && Number(key.split(" ")[1]) < open) sealed += amount;
            const records = await ledger.rows<{ q: string }>(
              "SELECT quantity::text AS q FROM billing.records WHERE instance_id = $1",
              [`i-${no}`],
            );
            const billed = records.reduce((sum, { q }) => sum + exact(q), 0n);
            const [kept] = await ledger.rows<{ r: string }>(
              "SELECT residue::text AS r FROM residues JOIN instances USING (instance_no) WHERE instance_id = $1 ORDER BY hour DESC LIMIT 1",
              [`i-${no}`],
            );
            expect(billed).toBe((sealed / STEP) * STEP);
            expect(exact(kept?.r ?? "0")).toBe(sealed % STEP);
          }
        }),
      ),
      model(6),
    );
  },
);

test(
  "intervals: records lie inside the life, apart from each other, and carry all that can be billed",
  { timeout: 120_000 },
  async () => {
    const life = fc.record({
      opened: fc.integer({ min: -7_200, max: 7_199 }),
      length: fc.option(fc.integer({ min: 1, max: 9_000 }), { nil: undefined }),
      quantities: fc.array(fc.oneof(quantity, fc.constant("123456789012")), { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), (lives) =>
        onBench(async ({ ledger, sealUntil, freezeAll }) => {
          await ledger.meter("tokens", "sum");
          for (const [no, { opened, length, quantities }] of lives.entries()) {
            const from = H + opened * SECOND;
            const to = length === undefined ? undefined : from + length * SECOND;
            await ledger.instance(`i-${no}`, "tokens", `customer-${no}`, {
              opened: from,
              ...(to !== undefined && { closed: to }),
            });
            // Usage before the life is impossible: an event is bound only to a life that contains it.
            const firstHour = Math.max(0, Math.floor(opened / 3_600));
            for (const [hour, amount] of quantities.entries()) {
              await ledger.rows(
                `INSERT INTO hour_usage SELECT shard, to_timestamp($2::float8), instance_no, to_timestamp($2::float8), $3::numeric, 1
               FROM instances WHERE instance_id = $1`,
                [`i-${no}`, (H + (firstHour + hour) * HOUR) / 1e6, amount],
              );
            }
          }
          await sealUntil(H + 5 * HOUR + 8 * MINUTE);
          await freezeAll();
          for (const [no, { opened, length, quantities }] of lives.entries()) {
            const [begin, end] = [
              H + opened * SECOND,
              length === undefined ? Infinity : H + (opened + length) * SECOND,
            ];
            const records = await ledger.rows<{ begin_at: number; end_at: number; quantity: string }>(
              "SELECT begin_at, end_at, quantity::text FROM billing.records WHERE instance_id = $1 ORDER BY begin_at",
              [`i-${no}`],
            );
            records.forEach((record, at) => {
              expect(record.begin_at).toBeGreaterThanOrEqual(begin);
              expect(record.end_at).toBeLessThanOrEqual(end);
              expect(Math.floor(record.begin_at / HOUR)).toBe(Math.floor((record.end_at - 1) / HOUR));
              expect([record.begin_at % SECOND, record.end_at % SECOND]).toEqual([0, 0]);
              if (at > 0) expect(record.begin_at).toBeGreaterThanOrEqual(records[at - 1]!.end_at);
            });
            const [rest] = await ledger.rows<{ residue: string; unbillable: string }>(
              `SELECT COALESCE((SELECT residue FROM residues r WHERE r.instance_no = i.instance_no ORDER BY hour DESC LIMIT 1), 0)::text AS residue,
               COALESCE((SELECT sum(quantity) FROM unbillable u WHERE u.instance_no = i.instance_no), 0)::text AS unbillable
             FROM instances i WHERE instance_id = $1`,
              [`i-${no}`],
            );
            const total = quantities.reduce((sum, amount) => sum + exact(amount), 0n);
            const kept = records.reduce((sum, record) => sum + exact(record.quantity), 0n);
            expect(kept + exact(rest!.residue) + exact(rest!.unbillable)).toBe(total);
          }
        }),
      ),
      model(6),
    );
  },
);
