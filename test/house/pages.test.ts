import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { filesUnder, read, ROOT, rootFiles } from "./files.js";

const pages = [...rootFiles(), ...["packages", "services", "docs"].flatMap(filesUnder)].filter((path) =>
  path.endsWith(".md"),
);
const LINES_MAX = 130;

/** The anchor that GitHub generates for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");

const withoutCode = (page: string): string => page.replace(/^```[\s\S]*?^```/gm, "");
const anchorsOf = (page: string): string[] =>
  [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));

/** Links of a page to a file or heading that does not exist in the checkout. */
function deadLinks(path: string, page: string): string[] {
  const links = [...withoutCode(page).matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g)];
  return links.flatMap(([whole, file, anchor]) => {
    const target = file === "" ? path : normalize(join(dirname(path), file!));
    if (!existsSync(join(ROOT, target))) return [whole];
    if (anchor === undefined) return [];
    const text = file === "" ? page : read(target);
    return anchorsOf(text).includes(decodeURIComponent(anchor)) ? [] : [whole];
  });
}

test.each(pages)("each link of %s leads somewhere", (path) => {
  expect(deadLinks(path, read(path))).toEqual([]);
});

test.each(["README.md", "README.zh-CN.md"])(`%s has at most ${LINES_MAX} lines`, (path) => {
  expect(read(path).split("\n").length - 1).toBeLessThanOrEqual(LINES_MAX);
});

/** Sources that define commands and options: a command-line word in none of them does not exist. */
const COMMANDS = filesUnder("packages/cli/src/commands").map((path) => read(path));
const NAMES = new Set(
  COMMANDS.flatMap((source) =>
    [...source.matchAll(/\bcommand\(\s*["'`]([a-z-]+)/g)].map(([, name]) => name!),
  ),
);
const OPTIONS = new Set(
  COMMANDS.flatMap((source) => [...source.matchAll(/["'`](?:-\w, )?--([a-z-]+)/g)].map(([, name]) => name!)),
);
const SCRIPTS = new Set(
  Object.keys((JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object }).scripts),
);

/** Commands in a page's blocks of code, one per line. */
const commandsOf = (page: string): string[] =>
  [...page.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, code]) =>
    code!
      .replaceAll("\\\n", " ")
      .split("\n")
      .map((line) => line.replace(/\s+#.*$/, "").trim())
      .filter((line) => /^(npx quarterpast|npm) /.test(line)),
  );

/** Words of a command that do not exist: a command of ours, an option of it, a script of npm. */
function unknownWords(command: string): string[] {
  const [program, ...words] = command.replace(/^npx /, "").split(/\s+/);
  if (program === "npm") {
    const script = words[0] === "run" ? words[1]! : words[0]!;
    return SCRIPTS.has(script) || ["ci", "install"].includes(script) ? [] : [script];
  }
  const options = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2).split("=")[0]!);
  return [
    ...(NAMES.has(words[0]!) ? [] : [words[0]!]),
    ...options.filter((name) => !OPTIONS.has(name) && !["json", "lang", "help"].includes(name)),
  ];
}

describe("commands in pages", () => {
  test("of which a word is not ours are found", () => {
    expect(unknownWords("npx quarterpast records list --hour X")).toEqual([]);
    expect(unknownWords("npx quarterpast recrods list --hours X")).toEqual(["recrods", "hours"]);
    expect(unknownWords("npm run nothing")).toEqual(["nothing"]);
  });

  test.each(pages.filter((path) => commandsOf(read(path)).length > 0))(
    "of %s are those that we have",
    (path) => {
      expect(commandsOf(read(path)).flatMap(unknownWords)).toEqual([]);
    },
  );
});
