import { describe, expect, test } from "vitest";
import { commentsOf } from "./comments.js";
import { filesUnder, read } from "./files.js";

/** Words of a translation, each with what stands in its place: the field's word before a picture. */
const WORDS: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\bnobody\b/i, "none, no one's, or the passive"],
  [/\bso many\b/i, "a number, or `count`"],
  [/\btells\b/i, "says, shows, reports"],
  [/\bany more\b/i, "no longer"],
  [/\b(?:lanes?|in flight)\b/i, "queue, call, concurrent, in progress"],
  [/\b(?<!let |`|npm run )alone\b/i, "only, by itself"],
  [/\b(?:undefined|null|false|true|none|absent|empty|nothing|Infinity|0) where\b/i, "if"],
  [/@throws \{?\w+\}?(?: `?\w+`?,?)* where\b/, "if"],
  [/\bwhere (?:there (?:is|are) (?:one|none|no)\b|none\b|one is\b|it has (?:one|none|no)\b)/i, "if"],
  [
    /, for (?:it|he|they|its|their|nothing|no one) (?:is|are|was|has|have|had|may|can|costs?|knows?)\b/i,
    "because",
  ],
  [/\bin it (?:stands?|lies?)\b/i, "it contains"],
];

const SOURCE = /\.(?:m?[tj]s|sql)$/;
/** Texts that are compared byte by byte, or made by a program. */
const GENERATED = /\/golden\/|^packages\/store\/schema\.sql$/;

/** What a source has of these words in its comments; it is parsed only if it has one anywhere. */
function findingsOf(path: string, source: string): string[] {
  const flat = source.replace(/\s*\n\s*(?:\*|\/\/|--)?\s*/g, " ");
  if (!WORDS.some(([word]) => word.test(flat))) return [];
  return commentsOf(path, source).flatMap((comment) =>
    WORDS.flatMap(([word, instead]) => {
      // Backticks hold names, not English.
      const found = word.exec(comment.replace(/`[^`]*`/g, "``"));
      return found ? [`${path}: "${found[0]}" (${instead}) in: ${comment.slice(0, 100)}`] : [];
    }),
  );
}

describe("the English of comments", () => {
  const paths = ["packages", "services", "test", "scripts"]
    .flatMap((dir) => filesUnder(dir))
    .filter((path) => SOURCE.test(path) && !GENERATED.test(path));

  test("a comment is found in code, and not in a text or an expression", () => {
    const source =
      'const a = "// b"; // c\n// d\nconst e = /\\/\\*f/; /** g\n * h */ const i = `/* j */`; /* k */';
    expect(commentsOf("a.ts", source)).toEqual(["c d", "g h", "k"]);
    expect(commentsOf("a.sql", "-- a\n  -- b\nSELECT 1;")).toEqual(["a b"]);
  });

  test("a word of a translation is refused", () =>
    expect(findingsOf("a.ts", "/** Undefined where nobody asks. */")).toHaveLength(2));

  test("uses the plain words of the field", () =>
    expect(paths.flatMap((path) => findingsOf(path, read(path)))).toEqual([]));
});
