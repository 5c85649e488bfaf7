/** GBK for the characters that these tests use; Node decodes it but does not encode it. */
export function gbk(text: string): Buffer {
  const table = new Map<string, Buffer>();
  for (let high = 0x81; high <= 0xfe; high += 1)
    for (let low = 0x40; low <= 0xfe; low += 1) {
      const bytes = Buffer.from([high, low]);
      table.set(new TextDecoder("gbk").decode(bytes), bytes);
    }
  return Buffer.concat(Array.from(text, (letter) => table.get(letter) ?? Buffer.from(letter, "latin1")));
}
