// `npm run soak [-- --minutes N --seed S --parts crash,bugs,…]`: the long runs of the crash suite, for nights; each result
// is appended to test/crash/results.ndjson, which the READMEs' reliability table is made from.
import { join } from "node:path";
import { build } from "./suite.mjs";
import { root } from "./setup.mjs";

build("crash");
await import(join(root, "test", "crash", "dist", "soak.js"));
