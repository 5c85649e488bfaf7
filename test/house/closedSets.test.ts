import { expect, test } from "vitest";
import { CLOSED_SETS, closedSetsSql, SECTION } from "../../packages/store/src/db/closedSets.js";
import { filesUnder, read } from "./files.js";

const MIGRATION = "packages/store/migrations/0001_ledger.sql";
const WORDS = new Set(Object.values(CLOSED_SETS).flat());

/** The migration without the section that is written from the domain. */
const byHand = (): string => {
  const text = read(MIGRATION);
  return text.slice(0, text.indexOf(SECTION.begin)) + text.slice(text.indexOf(SECTION.end));
};

const sources = (): [path: string, text: string][] => [
  [MIGRATION, byHand()],
  ...["packages/store/src", "services"]
    .flatMap(filesUnder)
    .filter((path) => /\/src\/.*\.ts$/.test(path))
    .map((path): [string, string] => [path, read(path)]),
];

/** Words in a list, where one or more are of a closed set: `IN ('frozen', 'sent')`, `ARRAY['billed', …]`. */
function listsIn(text: string): string[] {
  return [...text.matchAll(/(?:\bIN\s*\(|\bARRAY\s*\[)\s*((?:'[^']*'\s*,\s*)+'[^']*')/g)]
    .map((match) => match[1]!)
    .filter((list) => [...list.matchAll(/'([^']*)'/g)].some(([, word]) => WORDS.has(word!)));
}

/** Columns that hold words of closed sets. */
const COLUMNS = "state|our_state|kind|reason|verdict|status|mode|scope|resolution|act|result|waits_for";

/** Words that such a column is compared with or set to. */
function wordsIn(text: string): string[] {
  const compared = new RegExp(
    `\\b(?:${COLUMNS})\\b(?:\\)?)(?: (?:=|<>|IS DISTINCT FROM|IS NOT DISTINCT FROM)) '([a-z_]+)'(?! \\|\\|)`,
    "g",
  );
  return [...text.matchAll(compared)].map((match) => match[1]!);
}

/** Verdicts of comparisons that no column holds. */
const STAGED = new Set(["agreed", "different", "repeated"]);

test("the closed sets of the database are the domain's: after a change run `npm run schema`", () => {
  const text = read(MIGRATION);
  const section = text.slice(text.indexOf(SECTION.begin), text.indexOf(SECTION.end) + SECTION.end.length);
  expect(section).toBe(closedSetsSql());
});

test("no list of their words stands in SQL by hand", () => {
  expect(sources().flatMap(([path, text]) => listsIn(text).map((list) => `${path}: ${list}`))).toEqual([]);
});

test("a single word is one of theirs", () => {
  const unknown = sources().flatMap(([path, text]) =>
    wordsIn(text).flatMap((word) => (WORDS.has(word) || STAGED.has(word) ? [] : [`${path}: ${word}`])),
  );
  expect(unknown).toEqual([]);
});

test("a list by hand, and a word of no set, would be found", () => {
  expect(listsIn("SELECT 1 FROM submissions WHERE state IN ('frozen', 'sent')")).toEqual([
    "'frozen', 'sent'",
  ]);
  expect(listsIn("e.extensions ?| ARRAY['corrects', 'cancels']")).toEqual([]);
  expect(wordsIn("WHERE s.state = 'fozen' AND kind <> 'usage'")).toEqual(["fozen", "usage"]);
});
