import { crc32 } from "node:zlib";
// Strict, streaming, typed, also used by jsdom; knows only XML's five entities and expands none of a DTD.
import { SaxesParser, type SaxesTagPlain } from "saxes";
// The most used reader of ZIP: checks sizes while inflating and refuses damaged directories; one small dependency.
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { COLUMNS_MAX, columnIndex, EMPTY, TableError, type Cell, type Row, type Table } from "./table.js";

/** Limit of one unpacked part: about 400,000 rows. */
const PART_BYTES_MAX = 128 * 1024 * 1024;
/** A workbook has a few dozen. */
const PARTS_MAX = 4_096;
/** Rows that a sheet can have. */
const ROWS_MAX = 1_048_576;
/** All cells are in memory at the same time. */
const CELLS_MAX = 8_000_000;

/**
 * Reads one sheet of an XLSX workbook. Numbers are returned as the text in the file; a cell's format (thousands
 * separators, dates) is not part of its value.
 * @param sheet its name, by default the first one
 * @throws TableError if it is not a workbook, is damaged, or unpacks to too much
 */
export async function readXlsx(bytes: Uint8Array, sheet?: string): Promise<Table> {
  const archive = await openArchive(bytes);
  const book = await readWorkbook(archive);
  const wanted = sheet === undefined ? book.sheets[0] : book.sheets.find(({ name }) => name === sheet);
  if (!wanted) throw noSheet(sheet ?? "1", book.sheets);
  const path = await pathOfSheet(archive, wanted.id);
  const shared = await readSharedTexts(archive);
  return { sheet: wanted.name, rows: await readRows(archive, path, shared), from1904: book.from1904 };
}

interface Archive {
  zip: ZipFile;
  parts: Map<string, Entry>;
}

async function openArchive(bytes: Uint8Array): Promise<Archive> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return orDamaged(async () => {
    const zip = await yauzl.fromBufferPromise(buffer, { lazyEntries: true, validateEntrySizes: true });
    const parts = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) {
      if (parts.size === PARTS_MAX) throw damaged();
      parts.set(entry.fileName, entry);
    }
    return { zip, parts };
  });
}

/** Events of an XML part; names without their namespace's prefix. */
interface Handler {
  open?: (name: string, attributes: Readonly<Record<string, string>>) => void;
  close?: (name: string) => void;
  text?: (text: string) => void;
}

/** Reads a part as a stream: it is never unpacked in memory as a whole. @returns whether it exists */
async function parsePart({ zip, parts }: Archive, path: string, handler: Handler): Promise<boolean> {
  const entry = parts.get(path);
  if (!entry) return false;
  if (entry.uncompressedSize > PART_BYTES_MAX)
    throw tooLarge(`${PART_BYTES_MAX} bytes`, `${PART_BYTES_MAX} 字节`);
  await orDamaged(async () => {
    const parser = makeParser(handler);
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let crc = 0;
    const stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      parser.write(decoder.decode(chunk, { stream: true }));
    }
    parser.write(decoder.decode()).close();
    if (crc !== entry.crc32) throw damaged();
  });
  return true;
}

function makeParser({ open, close, text }: Handler): SaxesParser {
  const parser = new SaxesParser({ xmlns: false });
  const plain = (name: string) => name.slice(name.indexOf(":") + 1);
  parser.on("opentag", ({ name, attributes }: SaxesTagPlain) => open?.(plain(name), attributes));
  parser.on("closetag", ({ name }) => close?.(plain(name)));
  if (text) {
    parser.on("text", text);
    parser.on("cdata", text);
  }
  return parser;
}

interface Workbook {
  sheets: { name: string; id: string }[];
  /** Dates count from 1904. */
  from1904: boolean;
}

async function readWorkbook(archive: Archive): Promise<Workbook> {
  const book: Workbook = { sheets: [], from1904: false };
  const isThere = await parsePart(archive, "xl/workbook.xml", {
    open(name, attributes) {
      if (name === "sheet")
        book.sheets.push({ name: attributes["name"] ?? "", id: attributes["r:id"] ?? "" });
      if (name === "workbookPr") book.from1904 = /^(1|true)$/.test(attributes["date1904"] ?? "");
    },
  });
  if (!isThere) throw noWorkbook();
  return book;
}

async function pathOfSheet(archive: Archive, id: string): Promise<string> {
  let target: string | undefined;
  await parsePart(archive, "xl/_rels/workbook.xml.rels", {
    open(name, attributes) {
      if (name === "Relationship" && attributes["Id"] === id) target ??= attributes["Target"];
    },
  });
  if (target === undefined) throw noWorkbook();
  return target.startsWith("/") ? target.slice(1) : `xl/${target}`;
}

/**
 * Joins the runs of a text; phonetic readings (`rPh`) are not part of it.
 * @param tags names of the elements with the text
 */
function textGatherer(...tags: string[]) {
  let gathered = "";
  let isOpen = false;
  let readings = 0;
  return {
    open: (name: string): void => {
      if (name === "rPh") readings += 1;
      isOpen = tags.includes(name) && readings === 0;
    },
    close: (name: string): void => {
      if (name === "rPh") readings -= 1;
      if (tags.includes(name)) isOpen = false;
    },
    text: (part: string): void => {
      if (isOpen) gathered += part;
    },
    take: (): string => {
      const whole = gathered;
      gathered = "";
      return whole;
    },
  };
}

async function readSharedTexts(archive: Archive): Promise<string[]> {
  const texts: string[] = [];
  const gatherer = textGatherer("t");
  await parsePart(archive, "xl/sharedStrings.xml", {
    open: gatherer.open,
    text: gatherer.text,
    close(name) {
      gatherer.close(name);
      if (name === "si") texts.push(gatherer.take());
    },
  });
  return texts;
}

async function readRows(archive: Archive, path: string, shared: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  // `v` contains a number or the number of a shared text, `t` the cell's own text.
  const gatherer = textGatherer("v", "t");
  let [line, count, at] = [0, 0, 0];
  let cells: Cell[] = [];
  let type = "n";
  const isThere = await parsePart(archive, path, {
    text: gatherer.text,
    open(name, attributes) {
      gatherer.open(name);
      if (name === "row") {
        cells = [];
        line = Number(attributes["r"] ?? line + 1);
      } else if (name === "c") {
        const index = columnIndex(/^[A-Z]{1,3}/.exec(attributes["r"] ?? "")?.[0] ?? "");
        at = index >= 0 ? index : cells.length;
        type = attributes["t"] ?? "n";
      }
    },
    close(name) {
      gatherer.close(name);
      if (name === "c" && at < COLUMNS_MAX) {
        count += Math.max(1, at + 1 - cells.length);
        while (cells.length < at) cells.push(EMPTY);
        cells[at] = cellOf(type, gatherer.take(), shared);
      } else if (name === "c") gatherer.take();
      if (name === "row") rows.push({ line, cells });
      if (count > CELLS_MAX) throw tooLarge(`${CELLS_MAX} cells`, `${CELLS_MAX} 个单元格`);
      if (rows.length > ROWS_MAX) throw tooLarge(`${ROWS_MAX} rows`, `${ROWS_MAX} 行`);
    },
  });
  if (!isThere) throw noWorkbook();
  return rows;
}

function cellOf(type: string, raw: string, shared: readonly string[]): Cell {
  if (type === "s") return { text: shared[Number(raw)] ?? "", isNumber: false };
  return { text: raw, isNumber: type === "n" && raw !== "" };
}

/** Any error of the libraries means that the file is damaged. */
async function orDamaged<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof TableError ? error : damaged(error);
  }
}

function damaged(cause?: unknown): TableError {
  const error = new TableError(
    "the workbook is damaged or was cut short: export it again",
    "工作簿已损坏或不完整：请重新导出",
  );
  error.cause = cause;
  return error;
}

function tooLarge(en: string, zh: string): TableError {
  return new TableError(
    `the workbook unpacks to more than ${en}: split the export by time`,
    `工作簿解压后超过 ${zh}：请按时间分段导出`,
  );
}

function noWorkbook(): TableError {
  return new TableError(
    "this is not an XLSX workbook: save it as .xlsx or .csv",
    "不是 XLSX 工作簿：请另存为 .xlsx 或 .csv",
  );
}

function noSheet(sheet: string, sheets: readonly { name: string }[]): TableError {
  const names = sheets.map(({ name }) => name).join(", ");
  return new TableError(
    `there is no sheet ${sheet}; there are: ${names}`,
    `没有工作表 ${sheet}；现有：${names}`,
  );
}
