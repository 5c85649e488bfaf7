import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { newestGood, reliabilityTable } from "./reliability.js";
import { scaleTable } from "./scale.js";
import { newestFull, PAGES, tableOf, withTable } from "./table.js";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const newest = newestFull(path("test/bench/results.ndjson"));

test.each(PAGES)("the figures of %s are those of the newest full run", (file, language) => {
  const page = readFileSync(path(file), "utf8");
  expect(withTable(page, newest ? tableOf(newest, language) : "")).toBe(page);
});

test.each(PAGES)("what %s says of scale is what was measured last", (file, language) => {
  const page = readFileSync(path(file), "utf8");
  expect(withTable(page, scaleTable(path("test/bench"), language), "scale")).toBe(page);
});

const longRuns = newestGood(path("test/crash/results.ndjson"));

test.each(PAGES)("the reliability table of %s is that of the newest green long runs", (file, language) => {
  const page = readFileSync(path(file), "utf8");
  expect(withTable(page, reliabilityTable(longRuns, language), "reliability")).toBe(page);
});

test.each(["51a7aa96ad42+", "unknown"])("a figure of %s is not shown: it cannot be checked out", (commit) => {
  const page = readFileSync(path(PAGES[0][0]), "utf8");
  const table = reliabilityTable([{ ...longRuns[0]!, commit }], "en");
  expect(() => withTable(page, table, "reliability")).toThrow(`a figure of ${commit} is not shown`);
});

test.each(["test/crash/results.ndjson", "test/bench/growth.ndjson", "test/bench/finance.ndjson"])(
  "every result of %s is of a commit",
  (file) => {
    const lines = readFileSync(path(file), "utf8").trim().split("\n");
    expect(lines.filter((line) => !/"commit":"[0-9a-f]{12,40}"/.test(line))).toEqual([]);
  },
);
