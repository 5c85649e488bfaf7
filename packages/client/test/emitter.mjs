// A product service that spools usage as fast as it can: node emitter.mjs URL KEY DIR TRUTH [COUNT]. Every id that
// the client has reported to be on disk is appended to TRUTH, after the report and before the next event; each event
// is noted in TRUTH.asked before it is given. With COUNT it stores that many, drains and ends; without, it runs until
// it is killed.
import { appendFileSync } from "node:fs";
import { createUsageClient } from "@quarterpast/client";

const [url, apiKey, dir, truth, count = "Infinity"] = process.argv.slice(2);
const tell = (line) => process.stdout.write(`${line}\n`);
const usage = createUsageClient({
  ...{
    url,
    apiKey,
    source: "emitter",
    maxWaitMs: 5,
    spool: { dir, maxBytes: Number(process.env.SPOOL_BYTES ?? 1e8) },
  },
  onRejected: (error) => tell(`rejected ${error.message}`),
});
tell("ready");
const time = process.env.SPOOL_TIME ?? new Date().toISOString();
let [stored, failed] = [0, 0];

async function storeOne() {
  const id = `${process.pid}-${stored + failed}-${Math.random().toString(36).slice(2)}`;
  appendFileSync(`${truth}.asked`, `${id}\n`);
  try {
    await usage.store({ id, subject: "customer-1", meter: "tokens", time, quantity: 1 });
  } catch (error) {
    failed += 1;
    if (failed < 3) tell(`failed ${error.code}`);
    return;
  }
  stored += 1;
  appendFileSync(truth, `${id}\n`);
}

while (stored + failed < Number(count)) {
  await Promise.all(Array.from({ length: 20 }, storeOne));
}
tell(`stored ${stored} failed ${failed}`);
await usage.close(Number(process.env.SPOOL_CLOSE_MS ?? 60_000));
tell("closed");
