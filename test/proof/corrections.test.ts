import { MINUTE } from "@quarterpast/domain";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreHours } from "../../packages/cli/src/restore/hours.js";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { createCorrector } from "../../services/aggregator/src/correct.js";
import { H, usage } from "@quarterpast/testkit";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const PYTHON = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));
let proven: ProvenLedger;
beforeEach(async () => void (proven = await openProvenLedger()));
afterEach((context) => proven.end(context.task.result?.state === "fail"));

function correction(attribute: "corrects" | "cancels", id: string, given: Parameters<typeof usage>[0]) {
  return usage({ ...given, extensions: { [attribute]: id } });
}

/** What is sent to a ledger, hour by hour: usage and its corrections. */
const SENT = [
  [
    usage({ id: "e1", quantity: "10.00005" }),
    usage({ id: "e2", quantity: "4", time: H + MINUTE }),
    ...["n1", "n2", "n3"].map((id) => usage({ id, meter: "calls" })),
    correction("corrects", "e2", { id: "c2", quantity: "5" }),
    correction("cancels", "n1", { id: "x1", meter: "calls" }),
  ],
  [
    correction("corrects", "e1", { id: "c1", quantity: "2", time: hourAfter(1) }),
    correction("cancels", "n2", { id: "x2", meter: "calls", time: hourAfter(1) }),
  ],
  [usage({ id: "e3", quantity: "20", time: hourAfter(2) })],
];

async function prepare({ ledger }: ProvenLedger): Promise<void> {
  await ledger.meter("tokens", "sum");
  await ledger.meter("calls", "count");
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.instance("i-2", "calls", "customer-1");
}

async function count({ deps, count: take }: ProvenLedger, events: (typeof SENT)[number]): Promise<void> {
  const corrector = createCorrector({ pool: deps.pool, now: deps.clock.now });
  await take(events);
  while ((await corrector.run()) > 0);
}

async function fill(into: ProvenLedger): Promise<void> {
  await prepare(into);
  for (const [hour, events] of SENT.entries()) {
    await count(into, events);
    await into.freezeBefore(hourAfter(hour + 1));
  }
  await into.prove();
}

test("hours with corrections and a credit verify, by both verifiers", async () => {
  const { ledger } = proven;
  await fill(proven);
  expect(
    await ledger.rows(
      "SELECT instance_id, hour, quantity::text FROM records JOIN instances USING (instance_no) ORDER BY 1, 2",
    ),
  ).toEqual([
    { instance_id: "i-1", hour: H, quantity: "15.0000" },
    { instance_id: "i-1", hour: hourAfter(2), quantity: "12.0000" },
    { instance_id: "i-2", hour: H, quantity: "2.0000" },
  ]);
  expect(await ledger.rows("SELECT instance_id, quantity::text FROM billing.credits")).toEqual([
    { instance_id: "i-2", quantity: "1" },
  ]);
  const verdict = await verifyFolder(openFolder(proven.dir));
  expect(verdict.findings).toEqual([]);
  const python = spawnSync("python3", [PYTHON, proven.dir], { encoding: "utf8" });
  expect(python.stdout).toMatch(/^3 hours verified$/m);
  expect(python.status).toBe(0);
});

const HELD = [
  "SELECT source, key, target_key, quantity::text, delta::text, instance_id, bill_hour, said_at, applied_at FROM corrections JOIN sources USING (source_no) JOIN instances USING (instance_no) ORDER BY key",
  "SELECT instance_id, quantity::text, refund_due FROM billing.credits ORDER BY 1",
  "SELECT key, instance_id, bill_hour, occurred, trim_scale(quantity)::text FROM events JOIN instances USING (instance_no) ORDER BY key",
  "SELECT instance_id, bill_hour, origin_hour, trim_scale(quantity)::text, events FROM hour_usage JOIN instances USING (instance_no) ORDER BY 1, 2, 3",
  "SELECT sn, canonical FROM records ORDER BY shard, seq",
];
const held = ({ ledger }: ProvenLedger) => Promise.all(HELD.map((sql) => ledger.rows(sql)));

test("are brought back after a restore: nothing is billed, corrected or given back twice", async () => {
  await fill(proven);
  const restored = await openProvenLedger(undefined, join(proven.dir, "proof-key.pem"));
  try {
    // The backup has one event, a correction that waits for another, and one that was applied.
    await prepare(restored);
    const sent = SENT.flat();
    const named = (...ids: string[]) => sent.filter(({ id }) => ids.includes(id));
    await count(restored, named("e1", "n1", "c2", "x1"));
    expect(await restoreHours(restored.ledger.pool, openFolder(proven.dir), {})).toMatchObject({ hours: 3 });
    expect(await held(restored)).toEqual(await held(proven));
    // The journal, replayed completely, and what comes after: the same in both.
    for (const into of [restored, proven]) {
      await count(into, sent);
      await count(into, [
        correction("corrects", "c1", { id: "c3", quantity: "3", time: hourAfter(3) }),
        correction("corrects", "e1", { id: "c4", quantity: "9", time: hourAfter(3) }),
        usage({ id: "n4", meter: "calls", time: hourAfter(3) }),
      ]);
      await into.freezeBefore(hourAfter(4));
    }
    const last =
      "SELECT instance_id, trim_scale(quantity)::text AS quantity FROM billing.records WHERE hour = to_timestamp($1) ORDER BY 1";
    for (const { ledger } of [restored, proven]) {
      // c3 adds 1 to what c1 made of e1; c4 comes second and waits; the credit of i-2 takes its one call.
      expect(await ledger.rows(last, [hourAfter(3) / 1e6])).toEqual([{ instance_id: "i-1", quantity: "1" }]);
      expect(await ledger.rows("SELECT * FROM billing.credits")).toEqual([]);
      expect(await ledger.rows("SELECT reason FROM quarantine WHERE released_at IS NULL")).toEqual([
        { reason: "corrected_already" },
      ]);
    }
  } finally {
    await restored.end();
  }
});
