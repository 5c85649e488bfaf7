import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { anchorsOf, deadCitations, linksOf, sectionsOf, type Writing } from "./citations.js";
import { filesUnder, read, ROOT, rootFiles } from "./files.js";

const SPEC = "packages/domain/SPEC.md";
const FOLDERS = ["packages", "services", "scripts", "test", "tools", "docs", ".ci"];

const papers = filesUnder("docs").filter((path) => path.endsWith(".md"));
/** These documents are based on others': they name their sources, and are cited by section. */
const laws = papers.filter((path) => path.startsWith("docs/marketplaces/") || path === "docs/failures.md");
const library = new Map([
  ...laws.map((path) => [basename(path), sectionsOf(read(path))] as const),
  ["SPEC", sectionsOf(read(SPEC))] as const,
]);
const files = [...FOLDERS.flatMap(filesUnder), ...rootFiles()].filter((path) =>
  /\.(ts|tsx|mjs|js|md|sql|py|sh|ya?ml)$|oxlintrc\.json$|(^|\/)(Dockerfile|run)$/.test(path),
);
const names = new Set(files.map((path) => basename(path)));
const isFile = (from: string) => (cited: string) =>
  cited.includes("/")
    ? [dirname(from), "."].some((base) => existsSync(join(ROOT, base, cited)))
    : names.has(cited);
const writingOf = (path: string): Writing =>
  laws.includes(path) ? "specification" : path.endsWith(".md") ? "page" : "code";

describe("a citation", () => {
  test("in code, tests and pages leads to a document and a section of it", () => {
    const dead = files.flatMap((path) =>
      path === "test/house/citations.test.ts"
        ? []
        : deadCitations(read(path), library, isFile(path), writingOf(path)).map(
            (cited) => `${path}: ${cited}`,
          ),
    );
    expect(dead).toEqual([]);
  });

  test("that leads nowhere is found, across a comment's lines too", () => {
    const known = new Map([
      ["shop.md", sectionsOf("## 1. A\n\n1. x\n\n| R7 | y |\n\n### 1.5 B\n")],
      ["SPEC", sectionsOf("## 5. C\n\n## R1. D\n")],
    ]);
    const dead = (text: string): string[] => deadCitations(text, known, (name) => name === "README.md");
    expect(dead("/** shop.md 1.1, 1.5 and R7; SPEC 5, R1; README.md */")).toEqual([]);
    expect(dead("/** (shop.md\n * 1.6), SPEC\n * 6 */")).toEqual(["shop.md 1.6", "SPEC 6"]);
    expect(dead("// shop.md 1.1–1.9, shop.md, other.md 1")).toEqual([
      "shop.md 1.9",
      "shop.md without a section",
      "other.md",
    ]);
    expect(dead("-- (design,\n-- rule 4)")).toEqual(["design, rule"]);
  });

  test("of a seeded bug is a rule of the fault catalogue", () => {
    const rules = [...read("test/crash/bugs/list.ts").matchAll(/\brule: "([^"]+)"/g)].map(
      ([, rule]) => rule!,
    );
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter((rule) => !library.get("failures.md")!.has(rule))).toEqual([]);
  });

  test("needs a name that only one document has", () => {
    const short = laws.map((path) => basename(path));
    expect(new Set(short).size).toBe(short.length);
  });
});

test("a section that a specification names of itself is there", () => {
  const dead = laws.flatMap((path) =>
    [...read(path).matchAll(/§ ?(\d+(?:\.\d+)*)/g)]
      .filter(([, section]) => !library.get(basename(path))!.has(section!))
      .map(([cited]) => `${path}: ${cited}`),
  );
  expect(dead).toEqual([]);
});

test("every link of a page leads to a file, and to a heading of it", () => {
  const dead = files
    .filter((path) => path.endsWith(".md") && !laws.includes(path))
    .flatMap((page) =>
      linksOf(read(page))
        .filter(({ path, anchor }) => {
          const target = path === "" ? page : join(dirname(page), path);
          if (!existsSync(join(ROOT, target))) return true;
          return anchor !== undefined && target.endsWith(".md") && !anchorsOf(read(target)).has(anchor);
        })
        .map(({ path, anchor }) => `${page}: ${path}#${anchor ?? ""}`),
    );
  expect(dead).toEqual([]);
});
