import {
  RECORD_HAPPENINGS,
  RECORD_STATES,
  TRANSITIONS,
  type RecordHappening,
} from "@quarterpast/domain/billing";
import { expect, test } from "vitest";
import { read } from "./files.js";

/**
 * The columns in groups that fit on a page; each happening is in one. A state that allows none of a group is left
 * out.
 */
const GROUPS: readonly (readonly RecordHappening[])[] = [
  ["send", "expired", "rereported", "resent", "carried"],
  ["not_taken", "accepted", "duplicate", "conflict", "rejected_fixable", "rejected_final", "unknown"],
  ["stated_there", "stated_billed", "stated_abnormal", "stated_missing", "stated_different"],
];

/** Rows of cells of a page's table, without the rule below its head. */
const cellsOf = (table: string): string[][] =>
  table
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s|:-]+\|$/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test("the tables of states and happenings are those of the code, whole", () => {
  expect(GROUPS.flat().sort()).toEqual([...RECORD_HAPPENINGS].sort());
  const tables = GROUPS.map((group) => [
    ["state", ...group],
    ...RECORD_STATES.map((state) => [
      state,
      ...group.map((happening) => TRANSITIONS[state][happening] ?? "–"),
    ]).filter(([, ...cells]) => cells.some((cell) => cell !== "–")),
  ]);
  const [, page] = /<!-- states -->([\s\S]*?)<!-- \/states -->/.exec(read("packages/domain/SPEC.md"))!;
  const written = page!
    .trim()
    .split(/\n\s*\n/)
    .map(cellsOf);
  expect(written, `write this:\n${tables.map(markdown).join("\n\n")}\n`).toEqual(tables);
});

const markdown = ([head, ...rows]: string[][]): string =>
  [head!, head!.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
