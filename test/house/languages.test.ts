import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesUnder, read, ROOT, rootFiles } from "./files.js";

const CHINESE = ".zh-CN.md";
const pages = [...rootFiles(), ...["packages", "services", "docs"].flatMap(filesUnder)];
const translated = pages.filter((path) => path.endsWith(CHINESE));

/**
 * Commands in a block of code, without the reader's placeholders: `EVENT_ID` in one language is `事件ID` in the other.
 */
const commandsOf = (code: string): string[] =>
  code
    .split("\n")
    .filter((line) => /^(npx|npm|quarterpast|curl|python3|jq|psql) /.test(line))
    .map((line) =>
      line
        .split(/\s+#/)[0]!
        .split(/\s+/)
        .filter((word) => /^[a-z0-9-]/.test(word))
        .join(" "),
    );

/**
 * What a page and its translation must share: levels of headings, rows of each table, commands of each block of code.
 */
function shapeOf(page: string): { headings: number[]; tables: number[]; code: string[][] } {
  const code = [...page.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, text]) => commandsOf(text!));
  const prose = page.replace(/^```[\s\S]*?^```/gm, "");
  const tables = prose
    .split(/\n(?!\|)/)
    .map((block) => block.split("\n").filter((line) => line.startsWith("|")).length)
    .filter((rows) => rows > 0);
  return { headings: [...prose.matchAll(/^(#+) /gm)].map(([, signs]) => signs!.length), tables, code };
}

describe.each(translated)("%s", (chinese) => {
  const english = chinese.replace(CHINESE, ".md");

  test("has an English page, and each leads to the other", () => {
    expect(existsSync(join(ROOT, english))).toBe(true);
    const link = (path: string) => `](${path.split("/").at(-1)!})`;
    expect(read(english)).toContain(link(chinese));
    expect(read(chinese)).toContain(link(english));
  });

  test("has the headings, tables and commands of the English page", () => {
    expect(shapeOf(read(chinese))).toEqual(shapeOf(read(english)));
  });
});
