import { crc32, deflateRawSync } from "node:zlib";

/** Creates an XLSX like a spreadsheet program: strings shared, numbers unchanged. A `number` cell is a number. */
export function xlsx(
  rows: readonly (readonly (string | number | null)[])[],
  options: { date1904?: boolean } = {},
): Buffer {
  const shared: string[] = [];
  const escape = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const cell = (value: string | number | null, row: number, column: number) => {
    if (value === null) return "";
    const ref = `${String.fromCharCode(65 + column)}${row}`;
    if (typeof value === "number") return `<c r="${ref}" s="1"><v>${value}</v></c>`;
    shared.push(value);
    return `<c r="${ref}" t="s"><v>${shared.length - 1}</v></c>`;
  };
  const lines = rows.map(
    (row, r) => `<row r="${r + 1}">${row.map((value, c) => cell(value, r + 1, c)).join("")}</row>`,
  );
  const sst = shared.map(
    (text) => `<si><r><t xml:space="preserve">${escape(text)}</t></r><rPh><t>x</t></rPh></si>`,
  );
  return workbook({
    workbookPr: options.date1904 ? ' date1904="1"' : "",
    sheet: `<worksheet><sheetData>${lines.join("")}</sheetData></worksheet>`,
    sharedStrings: `<sst>${sst.join("")}</sst>`,
  });
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** A workbook with one sheet from the XML of its parts, valid or not. */
export function workbook(parts: { workbookPr?: string; sheet: string; sharedStrings?: string }): Buffer {
  return zip({
    "[Content_Types].xml": `${XML}<Types/>`,
    "xl/workbook.xml": `${XML}<workbook xmlns:r="r"><workbookPr${parts.workbookPr ?? ""}/><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${XML}<Relationships><Relationship Id="rId1" Type="t" Target="worksheets/sheet1.xml"/></Relationships>`,
    "xl/worksheets/sheet1.xml": XML + parts.sheet,
    ...(parts.sharedStrings !== undefined && { "xl/sharedStrings.xml": XML + parts.sharedStrings }),
  });
}

/** Packs files as a ZIP archive. */
export function zip(files: Record<string, string>): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const plain = Buffer.from(text, "utf8");
    const packed = deflateRawSync(plain);
    const shape = Buffer.alloc(26);
    shape.writeUInt16LE(20, 0);
    shape.writeUInt16LE(8, 4);
    shape.writeUInt32LE(crc32(plain), 10);
    shape.writeUInt32LE(packed.length, 14);
    shape.writeUInt32LE(plain.length, 18);
    shape.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), shape, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), shape, place, Buffer.from(name)]),
    );
    parts.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from("PK\x05\x06", "latin1"), end]);
}
