import { MINUTE, payloadHash } from "@quarterpast/domain";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { createCorrector } from "../../services/aggregator/src/correct.js";
import { H, usage } from "../fixtures/ledger.js";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const PYTHON = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));
let proven: ProvenLedger;
beforeEach(async () => void (proven = await openProvenLedger()));
afterEach((context) => proven.end(context.task.result?.state === "fail"));

function correction(attribute: "corrects" | "cancels", id: string, given: Parameters<typeof usage>[0]) {
  const made = usage({ ...given, extensions: { [attribute]: id } });
  return { ...made, payloadHash: payloadHash({ ...made, correction: `${attribute} ${id}` }) };
}

test("hours with corrections and a credit verify, by both verifiers", async () => {
  const { ledger, deps } = proven;
  await ledger.meter("tokens", "sum");
  await ledger.meter("calls", "count");
  await ledger.instance("i-1", "tokens", "customer-1");
  await ledger.instance("i-2", "calls", "customer-1");
  const corrector = createCorrector({ pool: deps.pool, now: deps.clock.now });
  const count = async (...events: Parameters<typeof proven.count>[0]) => {
    await proven.count(events);
    while ((await corrector.run()) > 0);
  };
  await count(
    usage({ id: "e1", quantity: "10.00005" }),
    usage({ id: "e2", quantity: "4", time: H + MINUTE }),
    ...["n1", "n2", "n3"].map((id) => usage({ id, meter: "calls" })),
  );
  await count(
    correction("corrects", "e2", { id: "c2", quantity: "5" }),
    correction("cancels", "n1", { id: "x1", meter: "calls" }),
  );
  await proven.freezeBefore(hourAfter(1));
  await count(
    correction("corrects", "e1", { id: "c1", quantity: "2", time: hourAfter(1) }),
    correction("cancels", "n2", { id: "x2", meter: "calls", time: hourAfter(1) }),
  );
  await proven.freezeBefore(hourAfter(2));
  await count(usage({ id: "e3", quantity: "20", time: hourAfter(2) }));
  await proven.freezeBefore(hourAfter(3));
  await proven.prove();
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
