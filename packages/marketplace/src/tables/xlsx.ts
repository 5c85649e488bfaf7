import { openArchive, type Archive } from "./zip.js";
import { columnIndex, TableError, type Cell, type Table } from "./table.js";

/** Of one part, unpacked: some 400,000 rows. It takes four times as much memory, so that 2 MB that unpack to 512 end an api. */
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_COLUMNS = 1_000;

/**
 * Reads one sheet of an XLSX workbook. Numbers come as the text that the file holds; what a cell shows (thousands
 * separators, date formats) is not in its value.
 * @param sheet its name; the first one where absent
 */
export function readXlsx(bytes: Uint8Array, sheet?: string): Table {
  const archive = openArchive(bytes);
  const workbook = part(archive, "xl/workbook.xml");
  if (workbook === undefined) throw noWorkbook();
  const sheets = [...elements(workbook, "sheet")].map(({ attributes }) => ({
    name: attributes["name"] ?? "",
    id: attributes["r:id"] ?? "",
  }));
  const wanted = sheet === undefined ? sheets[0] : sheets.find(({ name }) => name === sheet);
  if (!wanted) throw noSheet(sheet ?? "1", sheets);
  const text = part(archive, pathOfSheet(archive, wanted.id));
  if (text === undefined) throw noWorkbook();
  return {
    sheet: wanted.name,
    rows: rowsOf(text, sharedTexts(archive)),
    from1904: /<workbookPr\b[^>]*\bdate1904="(?:1|true)"/.test(workbook),
  };
}

function part(archive: Archive, name: string): string | undefined {
  return archive.read(name, MOST_BYTES)?.toString("utf8");
}

function pathOfSheet(archive: Archive, id: string): string {
  const relations = part(archive, "xl/_rels/workbook.xml.rels") ?? "";
  for (const { attributes } of elements(relations, "Relationship")) {
    const target = attributes["Target"];
    if (attributes["Id"] === id && target !== undefined)
      return target.startsWith("/") ? target.slice(1) : `xl/${target}`;
  }
  throw noWorkbook();
}

function sharedTexts(archive: Archive): string[] {
  const text = part(archive, "xl/sharedStrings.xml") ?? "";
  return [...elements(text, "si")].map(({ inner }) => textIn(inner));
}

/** Runs of a text one after the other; readings in another script (`rPh`) are no part of it. */
function textIn(xml: string): string {
  const own = xml.includes("<rPh") ? xml.replace(/<rPh\b[^>]*>[\s\S]*?<\/rPh>/g, "") : xml;
  return [...elements(own, "t")].map(({ inner }) => unescape(inner)).join("");
}

function rowsOf(sheet: string, shared: readonly string[]): Cell[][] {
  const rows: Cell[][] = [];
  let next = 1;
  for (const { attributes, inner } of elements(sheet, "row")) {
    const number = Number(attributes["r"] ?? next);
    next = number + 1;
    const cells: Cell[] = [];
    for (const cell of elements(inner, "c")) {
      const index = columnIndex(/^[A-Z]+/.exec(cell.attributes["r"] ?? "")?.[0] ?? "");
      const at = index >= 0 && index < MOST_COLUMNS ? index : cells.length;
      while (cells.length < at) cells.push({ ref: "", text: "", isNumber: false });
      cells[at] = cellOf(cell.attributes, cell.inner, shared, number);
    }
    rows.push(cells);
  }
  return rows;
}

function cellOf(
  { r: ref = "", t: type = "n" }: Record<string, string>,
  inner: string,
  shared: readonly string[],
  row: number,
): Cell {
  const raw = unescape([...elements(inner, "v")][0]?.inner ?? "");
  const place = ref || `row ${row}`;
  switch (type) {
    case "s":
      return { ref: place, text: shared[Number(raw)] ?? "", isNumber: false };
    case "inlineStr":
      return { ref: place, text: textIn(inner), isNumber: false };
    case "n":
      return { ref: place, text: raw, isNumber: raw !== "" };
    default:
      return { ref: place, text: raw, isNumber: false };
  }
}

interface Element {
  attributes: Record<string, string>;
  inner: string;
}

/** Elements of a name that do not nest, as those of a sheet: rows, cells, values, texts. */
function* elements(xml: string, name: string): Generator<Element> {
  const open = new RegExp(`<(?:\\w+:)?${name}((?:\\s[^>]*?)?)(/?)>`, "g");
  const close = new RegExp(`</(?:\\w+:)?${name}\\s*>`, "g");
  for (let match = open.exec(xml); match; match = open.exec(xml)) {
    const attributes = attributesOf(match[1]!);
    if (match[2] === "/") {
      yield { attributes, inner: "" };
      continue;
    }
    close.lastIndex = open.lastIndex;
    const end = close.exec(xml);
    if (!end) throw noWorkbook();
    yield { attributes, inner: xml.slice(open.lastIndex, end.index) };
    open.lastIndex = close.lastIndex;
  }
}

function attributesOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return Object.fromEntries(
    [...pairs].map(([, name, double, single]) => [name!, unescape(double ?? single ?? "")]),
  );
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(#x?[0-9a-fA-F]+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith("#")) return NAMED[name] ?? whole;
    const code = name.startsWith("#x") ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function noWorkbook(): TableError {
  return new TableError(
    "this is no XLSX workbook: save it as .xlsx or .csv",
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
