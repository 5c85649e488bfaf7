import { wrongFile, type InputFile } from "./text.js";

// Our own code: the usual splitters (stream-json, @streamparser/json) do not give the line and byte where each value
// ends, which messages and the checkpoint need.

/** The text of one object of a file. */
export interface Piece {
  text: string;
  /** Line of the file on which it ends, from 1. */
  line: number;
  /** Bytes of the file up to its end. */
  bytes: number;
}

const MAX_PIECE_CHARS = 1_048_576;

/** Cuts text at line ends; blank lines are left out. @throws CliError 2 for a line above 1 MiB. */
export async function* splitLines(chunks: AsyncIterable<string>, file: InputFile): AsyncGenerator<Piece> {
  let rest = "";
  let line = 0;
  let bytes = 0;
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_PIECE_CHARS) throw tooLong(file, line + 1);
    for (const text of lines) {
      line += 1;
      bytes += Buffer.byteLength(text) + 1;
      if (text.trim() !== "") yield { text, line, bytes };
    }
  }
  if (rest.trim() !== "") yield { text: rest, line: line + 1, bytes: bytes + Buffer.byteLength(rest) };
}

/** The state of reading an array. */
interface Scan {
  /** Open brackets; 1 is inside the array itself. */
  depth: number;
  isString: boolean;
  isEscaped: boolean;
}

/**
 * Cuts a JSON array into its elements, wherever its line breaks are.
 * @throws CliError 2 for an element above 1 MiB, an unterminated array, or text after it.
 */
export async function* splitArray(chunks: AsyncIterable<string>, file: InputFile): AsyncGenerator<Piece> {
  const scan: Scan = { depth: 0, isString: false, isEscaped: false };
  let element = "";
  let line = 1;
  let bytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const character = chunk[at]!;
      if (character === "\n") line += 1;
      const was = scan.depth;
      const ended = step(scan, character);
      if (was === 0 && character.trim() !== "" && (character !== "[" || bytes > 0))
        throw afterEnd(file, line);
      if (was === 0 && scan.depth === 1) from = at + 1;
      if (!ended) continue;
      const text = element + chunk.slice(from, at);
      bytes += Buffer.byteLength(text) + 1;
      element = "";
      from = at + 1;
      if (text.trim() !== "" || scan.depth === 1) yield { text, line, bytes };
    }
    if (scan.depth > 0) element += chunk.slice(from);
    if (element.length > MAX_PIECE_CHARS) throw tooLong(file, line);
  }
  if (scan.depth > 0) {
    throw wrongFile(
      `${file.name} ends within its array: is it cut off?`,
      `${file.name} 的数组没有结束：文件是否被截断？`,
    );
  }
}

/** Advances by one character. @returns whether an element of the array ends before this character. */
function step(scan: Scan, character: string): boolean {
  if (scan.isString) {
    if (scan.isEscaped) scan.isEscaped = false;
    else if (character === "\\") scan.isEscaped = true;
    else if (character === '"') scan.isString = false;
    return false;
  }
  switch (character) {
    case '"':
      scan.isString = true;
      return false;
    case "[":
    case "{":
      scan.depth += 1;
      return false;
    case "]":
    case "}":
      scan.depth -= 1;
      return scan.depth === 0;
    case ",":
      return scan.depth === 1;
    default:
      return false;
  }
}

function tooLong(file: InputFile, line: number) {
  return wrongFile(
    `${file.name} holds more than 1 MiB in one piece at line ${line}: is it the right format?`,
    `${file.name} 第 ${line} 行的单个对象超过 1 MiB：格式是否正确？`,
  );
}

function afterEnd(file: InputFile, line: number) {
  return wrongFile(
    `${file.name} continues after its array at line ${line}`,
    `${file.name} 的数组在第 ${line} 行之后还有内容`,
  );
}
