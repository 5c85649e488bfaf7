import { pipeline, Readable } from "node:stream";
import { CsvError, parse, type InfoRecord } from "csv-parse";
import { requireColumns, type RowProblem, type SourceRow } from "./rows.js";
import { readText, wrongFile, type InputFile } from "./text.js";

const MAX_RECORD_CHARS = 1_048_576;

/**
 * Reads a CSV file whose first row names its columns.
 * @throws CliError 2 if a needed column is missing or named twice, or the quotes are broken (with the line).
 */
export async function* readCsv(file: InputFile, needed: readonly string[]): AsyncGenerator<SourceRow> {
  const parser = parse({
    info: true,
    relax_column_count: true,
    // Files that were pasted together mix line ends; by default, the library would use the first one for all.
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARS,
  });
  // The iteration below gets every error; pipeline only forwards those of the source.
  pipeline(Readable.from(readText(file)), parser, () => undefined);
  let columns: Map<string, number> | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: InfoRecord }>) {
      if (columns) yield toRow(record, info, columns);
      else {
        requireColumns(file, record, needed);
        columns = new Map(record.map((name, at) => [name.trim(), at]));
      }
    }
  } catch (error) {
    throw error instanceof CsvError ? broken(file, error) : error;
  }
}

function toRow(record: string[], info: InfoRecord, columns: Map<string, number>): SourceRow {
  const { lines: line, bytes } = info;
  if (record.length !== columns.size) {
    return { line, bytes, content: { problem: wrongWidth(record.length, columns.size) } };
  }
  return { line, bytes, content: { cell: (column) => record[columns.get(column)!] } };
}

function wrongWidth(cells: number, columns: number): RowProblem {
  return {
    code: "field_missing",
    text: {
      en: `has ${cells} cells, the first row names ${columns} columns`,
      zh: `有 ${cells} 个单元格，而首行有 ${columns} 列`,
    },
  };
}

function broken(file: InputFile, error: CsvError) {
  const line = JSON.stringify(error["lines"]) ?? "?";
  return wrongFile(
    `${file.name} is not well-formed CSV at line ${line} (${error.code}): correct the quotes there and import again; events already sent count only once`,
    `${file.name} 第 ${line} 行不是合法的 CSV（${error.code}）：请修正引号后重新导入，已发送的不会重复计量`,
  );
}
