import { Readable } from "node:stream";

/** Lines, several at a time, as a stream of bytes: as fast as the reader takes them, and no more of it in memory. */
export function streamOf(batches: AsyncGenerator<string[]>): Readable {
  return Readable.from(bytesOf(batches), { objectMode: true, highWaterMark: 2 });
}

async function* bytesOf(batches: AsyncGenerator<string[]>): AsyncGenerator<Buffer> {
  for await (const lines of batches) {
    if (lines.length > 0) yield Buffer.from(`${lines.join("\n")}\n`, "utf8");
  }
}
