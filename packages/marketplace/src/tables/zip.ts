import { crc32, inflateRawSync } from "node:zlib";
import { TableError } from "./table.js";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const COMMENT_MOST = 0xffff;

/** Files of a ZIP archive by name; each is inflated when it is read. */
export interface Archive {
  names: string[];
  /** @throws TableError where the file is damaged or larger than `mostBytes`. */
  read(name: string, mostBytes: number): Buffer | undefined;
}

interface Entry {
  method: number;
  crc: number;
  packed: number;
  size: number;
  at: number;
}

/** Reads a ZIP archive's directory. @throws TableError for what is none, or was cut short. */
export function openArchive(bytes: Uint8Array): Archive {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = directoryOf(buffer);
  return {
    names: [...entries.keys()],
    read: (name, mostBytes) => {
      const entry = entries.get(name);
      return entry && inflate(buffer, entry, mostBytes);
    },
  };
}

function directoryOf(buffer: Buffer): Map<string, Entry> {
  const end = endOf(buffer);
  const count = buffer.readUInt16LE(end + 10);
  let at = buffer.readUInt32LE(end + 16);
  const entries = new Map<string, Entry>();
  for (let n = 0; n < count; n += 1) {
    if (at + ENTRY_BYTES > buffer.length || buffer.readUInt32LE(at) !== ENTRY) throw damaged();
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      buffer.readUInt16LE(at + field),
    );
    const name = buffer.toString("utf8", at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes!);
    entries.set(name, {
      method: buffer.readUInt16LE(at + 10),
      crc: buffer.readUInt32LE(at + 16),
      packed: buffer.readUInt32LE(at + 20),
      size: buffer.readUInt32LE(at + 24),
      at: buffer.readUInt32LE(at + 42),
    });
    at += ENTRY_BYTES + nameBytes! + extraBytes! + commentBytes!;
  }
  return entries;
}

function endOf(buffer: Buffer): number {
  const last = buffer.length - END_BYTES;
  for (let at = last; at >= Math.max(0, last - COMMENT_MOST); at -= 1) {
    if (buffer.readUInt32LE(at) === END) return at;
  }
  throw damaged();
}

function inflate(buffer: Buffer, { method, crc, packed, size, at }: Entry, mostBytes: number): Buffer {
  if (size > mostBytes) {
    throw new TableError(
      `the workbook unpacks to more than ${mostBytes} bytes: split the export by time`,
      `工作簿解压后超过 ${mostBytes} 字节：请按时间分段导出`,
    );
  }
  if (at + 30 > buffer.length) throw damaged();
  const begin = at + 30 + buffer.readUInt16LE(at + 26) + buffer.readUInt16LE(at + 28);
  const data = buffer.subarray(begin, begin + packed);
  let plain: Buffer;
  try {
    // A size that lies must not fill the memory.
    plain = method === 0 ? data : inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw damaged();
  }
  if (plain.length !== size || crc32(plain) !== crc) throw damaged();
  return plain;
}

function damaged(): TableError {
  return new TableError(
    "the workbook is damaged or was cut short: export it again",
    "工作簿已损坏或不完整：请重新导出",
  );
}
