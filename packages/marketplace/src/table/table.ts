import type { Text } from "@quarterpast/domain";
import type { ListProblem } from "./problem.js";

/** One cell of a sheet, a line or a JSON record. */
export interface Cell {
  /** Its value as text; dates of a spreadsheet stay serial numbers. */
  text: string;
  /** A number from a spreadsheet or JSON: a double, with 15 reliable digits. */
  isNumber: boolean;
  /** There is no value: nothing at all, null, or an object. `text` shows it to a person. */
  isNone?: true;
}

export interface Row {
  /** Line of the file, row of the sheet, or number of the record if there are no lines; from 1. */
  line: number;
  /** By column; empty ones may be missing. */
  cells: readonly (Cell | undefined)[];
}

/** Rows of a file of any format, the header among the first. */
export interface Table {
  /** Name of the sheet; empty for text. */
  sheet: string;
  rows: Row[];
  /** Whether dates count from 1904, as in old files from Macs. */
  from1904: boolean;
  /** JSON: it has no cells to name, and says itself whether it is complete. */
  json?: { isWhole: boolean; problems: ListProblem[] };
}

/** A file that cannot be read at all: why, and what to do. */
export class TableError extends Error {
  readonly zh: string;
  /** What would be right, if the error does not say it already. */
  readonly right: Text;
  constructor(en: string, zh: string, right: Text = { en, zh }) {
    super(en);
    this.name = "TableError";
    this.zh = zh;
    this.right = right;
  }
}

export const EMPTY: Cell = { text: "", isNumber: false };

/** More columns than any list has; a file with more is not one of these lists. */
export const COLUMNS_MAX = 1_000;

/** The cell's position in a spreadsheet program's notation: column 1 of line 7 is `B7`. */
export function refOf(column: number, line: number): string {
  return columnLetters(column) + String(line);
}

function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}

/** `A` is 0, `AA` is 26; -1 for no letters. */
export function columnIndex(letters: string): number {
  return Array.from(letters).reduce((index, letter) => index * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** The first text of a row that is not blank. */
export function firstText({ cells }: Row): string {
  return cells.find((cell) => cell !== undefined && cell.text.trim() !== "")?.text.trim() ?? "";
}
