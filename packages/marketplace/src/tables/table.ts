/** One cell of a sheet or a line, with its place as a spreadsheet program names it. */
export interface Cell {
  /** Column letters and row, for example `B7`. */
  ref: string;
  /** Its value as text; dates of a spreadsheet stay serial numbers. */
  text: string;
  /** A number of the spreadsheet: a double, of which 15 digits hold. */
  isNumber: boolean;
}

/** Rows of a file; cells that are empty may be missing at a row's end. */
export interface Table {
  /** Name of the sheet; empty for text. */
  sheet: string;
  rows: Cell[][];
  /** Whether dates count from 1904, as old files of one system do. */
  from1904: boolean;
}

/** A file that cannot be read at all: why, and what to do. */
export class TableError extends Error {
  readonly zh: string;
  constructor(en: string, zh: string) {
    super(en);
    this.name = "TableError";
    this.zh = zh;
  }
}

/** `0` is `A`, `26` is `AA`. */
export function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}

/** `A` is 0, `AA` is 26. */
export function columnIndex(letters: string): number {
  return Array.from(letters).reduce((index, letter) => index * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}
