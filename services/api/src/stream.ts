import { Readable } from "node:stream";

/**
 * Batches of lines as a stream of bytes: read only as fast as the client takes them, so little of it is in memory.
 */
export function streamOf(batches: AsyncGenerator<string[]>): Readable {
  return Readable.from(bytesOf(batches), { objectMode: true, highWaterMark: 2 });
}

async function* bytesOf(batches: AsyncGenerator<string[]>): AsyncGenerator<Buffer> {
  for await (const lines of batches) {
    if (lines.length > 0) yield Buffer.from(`${lines.join("\n")}\n`, "utf8");
  }
}
