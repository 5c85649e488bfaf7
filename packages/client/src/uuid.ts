/** Returns this many random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * A UUIDv7 (RFC 9562, section 5.7) in its canonical form, which the ledger uses as its key without hashing.
 * @param ms milliseconds since the Unix epoch
 */
export function uuidV7(ms: number, random: RandomBytes): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.floor(ms), 0, 6);
  bytes.set(random(10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
