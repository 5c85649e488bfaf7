// `npm run crash [-- --seed S --events N --kills N --json]`: the crash suite on the checkout as it is. With `--json` the
// last line of the output is the result.
import { join } from "node:path";
import { build } from "./suite.mjs";
import { root } from "./setup.mjs";

build("crash");
process.argv.splice(1, 1, join(root, "test", "crash", "dist", "main.js"));
await import(join(root, "test", "crash", "dist", "main.js"));
