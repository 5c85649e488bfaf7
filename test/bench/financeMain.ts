import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureFinance } from "./finance.js";
import { keepResult, wholeNumber } from "./results.js";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "7200000" },
    instances: { type: "string" },
    json: { type: "boolean", default: false },
    /** Appends to test/bench/finance.ndjson. */
    keep: { type: "boolean", default: false },
    "data-dir": { type: "string" },
    "fill-only": { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const root = join(import.meta.dirname, "../../..");
const result = await measureFinance({
  records: wholeNumber("records", values.records),
  instances: values.instances === undefined ? undefined : wholeNumber("instances", values.instances),
  root,
  dataDir: values["data-dir"],
  fillOnly: values["fill-only"],
  only: values.only,
  say: (line) => void process.stderr.write(`${line}\n`),
});
if (!result) process.exit(0);
if (values.keep) keepResult(root, "finance", result);
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const { records, summaryByDayMs, summarySignedMs, exports, verify } = result;
  const rates = Object.entries(exports).map(
    ([format, { seconds, perSecond }]) => `${format} ${seconds} s (${perSecond}/s)`,
  );
  process.stdout.write(
    `${records} records: by product and day in ${summaryByDayMs} ms, as signed in ${summarySignedMs} ms; export ` +
      `${rates.join(", ")}; verified in ${verify.seconds} s (${verify.perSecond}/s), ${verify.differences} differences\n`,
  );
}
process.exit(result.verify.differences === 0 ? 0 : 1);
