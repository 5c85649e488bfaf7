// `npm run bench:close [-- --instances N --json --keep]`: closes one hour of N instances. With `--json` the last line of
// the output is the result; `--keep` appends it to test/bench/close.ndjson.
import { runBench } from "./benchBuild.mjs";

await runBench("closeMain.js");
