// `npm run tables`: the reliability tables of the READMEs, from test/crash/results.ndjson.
import { join } from "node:path";
import { build } from "./suite.mjs";
import { root } from "./setup.mjs";

build("bench");
await import(join(root, "test", "bench", "dist", "tablesMain.js"));
