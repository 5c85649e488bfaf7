/** The lines of a stream; only a line feed ends a line. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  let rest = "";
  for await (const { buffer, byteOffset, byteLength } of chunks) {
    const lines = Buffer.from(buffer, byteOffset, byteLength).toString("latin1").split("\n");
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    yield lines;
  }
  if (rest !== "") yield [rest];
}
