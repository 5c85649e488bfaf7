/**
 * The text of a file saved by a person or a spreadsheet program: by its byte order mark, else UTF-8 if all of it is
 * valid UTF-8, else GB18030, which includes GBK.
 */
export function decodeText(bytes: Uint8Array): string {
  const mark = markOf(bytes);
  if (mark !== undefined) return new TextDecoder(mark).decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

function markOf(bytes: Uint8Array): string | undefined {
  const starts = (...mark: number[]) => mark.every((byte, at) => bytes[at] === byte);
  if (starts(0xef, 0xbb, 0xbf)) return "utf-8";
  if (starts(0xff, 0xfe)) return "utf-16le";
  return starts(0xfe, 0xff) ? "utf-16be" : undefined;
}
