import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { UNIT } from "../../vitest.config.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Modules that start or need Postgres or Redis. */
const SERVERS =
  /^@quarterpast\/(testkit(\/(services|servers|stack|browser))?|stack\/servers)$|^(pg|ioredis|bullmq)$/;

/** Every test of the checkout, from its root. */
const TESTS = [
  "test",
  ...["packages", "services"].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => `${group}/${name}/test`),
  ),
].flatMap((dir) =>
  existsSync(join(ROOT, dir))
    ? readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" }).map((path) => `${dir}/${path}`)
    : [],
);

/** The test files that a pattern of vitest.config.ts matches. */
function filesOf(pattern: string): string[] {
  const text = pattern
    .replaceAll(".", "\\.")
    .replaceAll("**/", "(.+/)?")
    .replaceAll("*", "[^/]*")
    .replace(/\{([^}]*)\}/g, (_, names: string) => `(${names.replaceAll(",", "|")})`);
  const isNamed = new RegExp(`^${text}$`);
  return TESTS.filter((path) => isNamed.test(path));
}

function importsOf(path: string): string[] {
  const source = readFileSync(join(ROOT, path), "utf8");
  return [...source.matchAll(/\b(?:from|import\()\s*["']([^"']+)["']/g)].map((match) => match[1]!);
}

/** The files that make up a test: itself, and what it imports from test folders. */
function partsOf(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const specifier of importsOf(path)) {
    if (!specifier.startsWith(".")) continue;
    const target = relative(ROOT, join(ROOT, dirname(path), specifier)).replace(/\.js$/, ".ts");
    if (/(^|\/)test\//.test(target)) partsOf(target, seen);
  }
  return seen;
}

test("no test of the project unit asks for a server", () => {
  const files = UNIT.flatMap(filesOf);
  expect(files.length).toBeGreaterThan(40);
  const asking = files.flatMap((file) =>
    [...partsOf(file)].flatMap((part) =>
      importsOf(part)
        .filter((specifier) => SERVERS.test(specifier))
        .map((specifier) => `${file}: ${part} imports ${specifier}`),
    ),
  );
  expect(asking).toEqual([]);
});
