import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newestGood, reliabilityTable } from "./reliability.js";
import { withTable } from "./table.js";

/** `npm run tables`: writes the reliability tables of the READMEs anew from the results of the long runs. */
const ROOT = join(import.meta.dirname, "../../..");
const results = newestGood(join(ROOT, "test", "crash", "results.ndjson"));
for (const [file, language] of [
  ["README.md", "en"],
  ["README.zh-CN.md", "zh"],
] as const) {
  const path = join(ROOT, file);
  const page = readFileSync(path, "utf8");
  writeFileSync(path, withTable(page, reliabilityTable(results, language), "reliability"));
}
