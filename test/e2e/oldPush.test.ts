import { setTimeout } from "node:timers/promises";
import { formatInstant, HOUR, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import { createPipeline, eventually, type Pipeline } from "@quarterpast/testkit/services";

let line: Pipeline;
beforeEach(async () => {
  const reporterEnv = { MARKETPLACE_PUSH: "old", ORDER_AK: "sandbox", ORDER_SK: "pipeline-key" };
  line = await createPipeline(H, { reporterEnv });
  await line.ledger.meter("tokens", "sum");
  await line.ledger.instance("i-1", "tokens", "customer-1");
});
afterEach((context) => line.end(context.task.result?.state === "fail"));

/** Sends an event of 42.5 tokens, and waits until it is counted. */
async function use(): Promise<void> {
  const event = {
    ...{ specversion: "1.0", id: "event-1", source: "app", type: "tokens", subject: "customer-1" },
    ...{ time: formatInstant(H + MINUTE), data: { quantity: "42.5" } },
  };
  const reply = await fetch(`${line.collector.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${line.token}`, "content-type": "application/cloudevents+json" },
    body: JSON.stringify(event),
  });
  expect(reply.status).toBe(202);
  const counted = () => line.ledger.rows("SELECT 1 FROM hour_usage");
  await eventually(counted, (rows) => rows.length === 1);
}
const records = () =>
  line.ledger.rows<{ state: string; wire: string }>(
    "SELECT state, wire FROM billing.records JOIN records USING (sn)",
  );

/** Leaves out probes, which carry no record. */
const filed = () => line.sandbox.store.calls().filter((call) => call.records > 0);

test("an event becomes a billed record by the old push, with AK/SK and without a serial number", async () => {
  await line.runClock(H + 2 * MINUTE, 1);
  await Promise.all([line.collector.start(), line.aggregator.start(), line.reporter.start()]);
  await use();
  await line.runClock(H + HOUR + 2 * MINUTE, 10);
  const [accepted] = await eventually(records, ([record]) => record?.state === "accepted", 25_000);
  expect(JSON.parse(accepted!.wire)).toMatchObject({ product_id: "product", usage_value: "42.5000" });
  await line.runClock(H + HOUR + 14 * MINUTE, 30);
  await eventually(records, ([record]) => record?.state === "billed", 40_000);
  expect(line.sandbox.store.records()).toMatchObject([{ metering_sn: "", state: "billed" }]);
  expect(filed()).toMatchObject([{ push: "old", code: "MKT.0000" }]);
}, 90_000);

test("a reporter that is killed with its call under way leaves it to a statement, not to the next reporter", async () => {
  await line.runClock(H + 2 * MINUTE, 1);
  await Promise.all([line.collector.start(), line.aggregator.start(), line.reporter.start()]);
  await use();
  // Otherwise the first probe would consume the fault meant for the call.
  await eventually(
    async () => line.sandbox.store.calls().length,
    (calls) => calls > 0,
  );
  line.sandbox.setFaults([{ mode: "accept_then_timeout", times: 1, afterMs: 120_000 }]);
  await line.runClock(H + HOUR + 2 * MINUTE, 1);
  const calls = async () => filed().length;
  await eventually(calls, (count) => count === 1, 25_000);
  await line.reporter.kill();
  await line.reporter.start();
  // Leases last six seconds: by now a call with serial numbers would have been sent again.
  await eventually(records, ([record]) => record?.state === "unknown", 25_000);
  await setTimeout(2_000);
  expect(await calls()).toBe(1);
  await line.runClock(H + HOUR + 14 * MINUTE, 30);
  await eventually(records, ([record]) => record?.state === "billed", 40_000);
  expect([await calls(), line.sandbox.store.records().length]).toEqual([1, 1]);
}, 120_000);
