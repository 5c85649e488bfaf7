// `npm run bench:finance [-- --records N --json --keep --instances N --data-dir DIR --fill-only --only csv|ndjson|verify]`: a month of
// finance, summed up, exported and verified. With `--json` the last line of the output is the result; `--keep` appends it
// to test/bench/finance.ndjson; `--data-dir` keeps the ledger for the next run.
import { join } from "node:path";
import { root } from "./setup.mjs";
import { build } from "./suite.mjs";

build("bench");
const main = join(root, "test", "bench", "dist", "financeMain.js");
process.argv.splice(1, 1, main);
await import(main);
