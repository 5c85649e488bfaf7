import { formatInstant, HOUR, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import { createPipeline, eventually, type Pipeline } from "@quarterpast/testkit/services";

let line: Pipeline;
beforeEach(async () => {
  line = await createPipeline(H);
  await line.ledger.meter("tokens", "sum");
  await line.ledger.instance("i-1", "tokens", "customer-1");
});
afterEach((context) => line.end(context.task.result?.state === "fail"));

const send = async (id: string, quantity: string): Promise<unknown> => {
  const event = {
    specversion: "1.0",
    id,
    source: "app",
    type: "tokens",
    subject: "customer-1",
    time: formatInstant(H + MINUTE),
    data: { quantity },
  };
  const reply = await fetch(`${line.collector.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${line.token}`, "content-type": "application/cloudevents+json" },
    body: JSON.stringify(event),
  });
  return [reply.status, await reply.json()];
};
const counted = () => line.ledger.rows<{ quantity: string }>("SELECT quantity::text FROM hour_usage");
const records = () =>
  line.ledger.rows<{ state: string; quantity: string }>("SELECT state, quantity::text FROM billing.records");

test("one event becomes one accepted record, though every process is killed on the way", async () => {
  await line.runClock(H + 2 * MINUTE, 1);
  await line.collector.start();
  expect(await send("event-1", "42.5")).toMatchObject([202, { accepted: 1, rejected: [] }]);
  await line.collector.kill();

  await line.aggregator.start();
  await eventually(counted, (rows) => rows.length === 1);
  await line.aggregator.kill();

  await line.collector.start();
  expect(await send("event-1", "42.5")).toMatchObject([202, { accepted: 1 }]);
  await line.aggregator.start();
  await line.reporter.start();
  // Probes carry no record. Waits for the first one, which would otherwise consume the fault meant for the call.
  await eventually(
    async () => line.sandbox.store.calls().length,
    (calls) => calls > 0,
  );
  await line.runClock(H + HOUR + 2 * MINUTE, 10);
  line.sandbox.setFaults([{ mode: "accept_then_timeout", times: 1, afterMs: 60_000 }]);
  const filed = () => line.sandbox.store.calls().filter((call) => call.records > 0);
  await eventually(
    async () => filed().length,
    (calls) => calls === 1,
  );
  await line.reporter.kill();

  await line.reporter.start();
  expect(await eventually(records, ([record]) => record?.state === "accepted", 25_000)).toEqual([
    { state: "accepted", quantity: "42.5000" },
  ]);
  expect(line.sandbox.store.totals("instance")).toMatchObject({ totals: [{ usage: "42.5", records: 1 }] });
  expect(filed().length).toBeGreaterThan(1);
}, 60_000);
