import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newestGood, reliabilityTable } from "./reliability.js";
import { scaleTable } from "./scale.js";
import { PAGES, withTable } from "./table.js";

/** `npm run tables`: rewrites the tables of reliability and scale in docs/measured.md from committed results. */
const ROOT = join(import.meta.dirname, "../../..");
const results = newestGood(join(ROOT, "test", "crash", "results.ndjson"));
for (const [file, language] of PAGES) {
  const path = join(ROOT, file);
  const page = readFileSync(path, "utf8");
  const scaled = withTable(page, scaleTable(join(ROOT, "test", "bench"), language), "scale");
  writeFileSync(path, withTable(scaled, reliabilityTable(results, language), "reliability"));
}
