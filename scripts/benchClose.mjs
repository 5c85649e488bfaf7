// `npm run bench:close [-- --instances N --json --keep]`: closes one hour of N instances. With `--json` the last line of
// the output is the result; `--keep` appends it to test/bench/close.ndjson.
import { join } from "node:path";
import { root } from "./setup.mjs";
import { build } from "./suite.mjs";

build("bench");
const main = join(root, "test", "bench", "dist", "closeMain.js");
process.argv.splice(1, 1, main);
await import(main);
