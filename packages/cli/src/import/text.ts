import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError, EXIT } from "../exit.js";

/** A file to import, with what distinguishes one state of it from another. */
export interface InputFile {
  /** Absolute. */
  path: string;
  /** As the person wrote it. */
  name: string;
  bytes: number;
  /** Milliseconds. */
  changed: number;
}

/** Opens the file. @throws CliError 2 if it is missing, not a regular file, not readable or empty. */
export async function openInput(name: string): Promise<InputFile> {
  const path = resolve(name);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(name, error);
  });
  if (found.isDirectory()) {
    throw wrongFile(`${name} is a directory: name one file`, `${name} 是目录：请指定一个文件`);
  }
  if (!found.isFile()) {
    throw wrongFile(
      `${name} is not a regular file: an import may have to read it twice`,
      `${name} 不是普通文件：导入可能需要读取两次`,
    );
  }
  if (found.size === 0) throw wrongFile(`${name} is empty`, `${name} 是空文件`);
  return { path, name, bytes: found.size, changed: found.mtimeMs };
}

/**
 * The file's text, piece by piece, without a byte order mark.
 * @throws CliError 2 if it is not UTF-8 text, or cannot be read.
 */
export async function* readText({ path, name }: InputFile): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Buffer) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw notText(name);
    }
  };
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (chunk.includes(0)) throw notText(name);
      yield decode(chunk);
    }
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(name, error as NodeJS.ErrnoException);
  }
  yield decode();
}

function notText(name: string): CliError {
  return wrongFile(
    `${name} is not UTF-8 text: it is a binary file, or text in another encoding that must be converted first`,
    `${name} 不是 UTF-8 文本：可能是二进制文件，或使用其他编码（如 GBK、UTF-16），请先转换`,
  );
}

function unreadable(name: string, error: NodeJS.ErrnoException): CliError {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return wrongFile(`there is no file ${name}`, `文件 ${name} 不存在`);
    case "EACCES":
    case "EPERM":
      return wrongFile(`${name} cannot be read by this user`, `当前用户无权读取 ${name}`);
    default:
      return wrongFile(`${name} cannot be read (${error.code})`, `无法读取 ${name}（${error.code}）`);
  }
}

/** The error that ends an import because of its file. */
export function wrongFile(en: string, zh: string): CliError {
  return new CliError(EXIT.usage, { en, zh });
}
