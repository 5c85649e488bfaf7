import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureGrowth } from "./growth.js";
import { keepResult, wholeNumber } from "./results.js";

const { values } = parseArgs({
  options: {
    /** Events in the ledger at the end; by default 50 million if the disk has 20 GB free, else 10 million. */
    events: { type: "string" },
    /** Minutes at full load during which memory is watched. */
    minutes: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    /** Appends to test/bench/growth.ndjson. */
    keep: { type: "boolean", default: false },
  },
});
const result = await measureGrowth({
  ...(values.events !== undefined && { events: wholeNumber("events", values.events) }),
  minutes: wholeNumber("minutes", values.minutes),
  say: (line) => void process.stderr.write(`${line}\n`),
});
if (values.keep) keepResult(join(import.meta.dirname, "../../.."), "growth", result);
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
