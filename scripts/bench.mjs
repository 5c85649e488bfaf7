// `npm run bench [-- --json] [--quick]`: throughput side by side, see test/bench. With `--json` the last line of the
// output is the figures, in events per second. Each run appends a line to test/bench/results.ndjson; a full one also
// writes the table of the READMEs anew.
import { join } from "node:path";
import { build } from "./suite.mjs";
import { root } from "./setup.mjs";

build("bench");
const main = join(root, "test", "bench", "dist", "main.js");
process.argv.splice(1, 1, main);
await import(main);
