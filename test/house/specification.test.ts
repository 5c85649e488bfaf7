import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, ROOT } from "./files.js";
import { testTitles } from "./titles.js";

const sections = read("packages/domain/SPEC.md").split(/^## /m).slice(1);
/** Numbered sections are invariants; the others are tables. */
const invariants = sections.filter((section) => /^[A-Z]?\d+\. /.test(section));

const titles = new Map<string, Set<string>>();
function titlesOf(path: string): Set<string> {
  const known = titles.get(path) ?? testTitles(read(path));
  titles.set(path, known);
  return known;
}

test.each(invariants.map((section) => [section.split("\n")[0]!, section]))(
  "%s: names tests that run",
  (_title, section) => {
    const proofs = [...section.matchAll(/^- `([^`]+)`: "(.+)"$/gm)];
    expect(proofs.length).toBeGreaterThan(0);
    expect(proofs.length).toBe(section.split("\n").filter((line) => line.startsWith("- ")).length);
    for (const [, path, title] of proofs) {
      expect(existsSync(join(ROOT, path!)), `${path} is there`).toBe(true);
      expect([...titlesOf(path!)], `${path} declares the test "${title}"`).toContain(title);
    }
  },
);

test("the specification has rules 1 to 11, and numbers each section once", () => {
  const numbers = invariants.map((section) => section.split(".")[0]!);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (let rule = 1; rule <= 11; rule += 1) expect(numbers).toContain(String(rule));
});

describe("titles of a source", () => {
  test("are those of tests that run, however they are declared", () => {
    const source = `
      test("plain", () => {});
      test.each([1])("of each %s", () => {});
      test.skipIf(process.platform === "win32")('elsewhere "quoted"', () => {});
      describe("a group", () => { it(\`inside \${1}\`, async (): Promise<void> => {}); });
    `;
    expect([...testTitles(source)]).toEqual(["plain", "of each %s", 'elsewhere "quoted"', "inside …"]);
  });

  test("are no comments, texts, groups, nor tests that are put aside", () => {
    const source = `
      // test("in a comment", () => {});
      const text = 'test("in a text", () => {})';
      describe("a group", () => {});
      test.skip("skipped", () => {});
      test.todo("to be done");
    `;
    expect([...testTitles(source)]).toEqual([]);
  });
});
