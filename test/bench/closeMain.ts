import { join } from "node:path";
import { parseArgs } from "node:util";
import { closeHour } from "./close.js";
import { keepResult, wholeNumber } from "./results.js";

const { values } = parseArgs({
  options: {
    instances: { type: "string", default: "1000000" },
    json: { type: "boolean", default: false },
    /** Appends to test/bench/close.ndjson. */
    keep: { type: "boolean", default: false },
  },
});
const root = join(import.meta.dirname, "../../..");
const result = await closeHour({
  instances: wholeNumber("instances", values.instances),
  root,
  say: (line) => void process.stderr.write(`${line}\n`),
});
if (values.keep) keepResult(root, "close", result);
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const { instances, sealed, frozen, accepted, proven, exact } = result;
  const most = Object.entries(result.memory).map(
    ([name, { rss, own }]) => `${name} ${rss} MB (${own} MB its own)`,
  );
  process.stdout.write(
    `${instances} instances: sealed after ${sealed} s, frozen ${frozen} s, accepted ${accepted} s, proven ${proven} s; ` +
      `sums ${exact ? "exact" : "DIFFER"}; most memory: ${most.join(", ")}\n`,
  );
}
process.exit(result.exact ? 0 : 1);
