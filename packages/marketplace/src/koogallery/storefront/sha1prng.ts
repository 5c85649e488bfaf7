import { createHash } from "node:crypto";

const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest();

/**
 * The bytes that Java's SHA1PRNG returns after seeding with a text (koogallery.md 3.4).
 * @param length how many bytes.
 */
export function sha1prng(seed: string, length: number): Buffer {
  let state: Uint8Array = sha1(Buffer.from(seed, "utf8"));
  const blocks: Buffer[] = [];
  for (let got = 0; got < length; got += 20) {
    const block = sha1(state);
    blocks.push(block);
    state = nextState(state, block);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/**
 * state + block + 1, the lowest index first, over signed bytes with an arithmetic shift for the carry, as in the JDK.
 */
function nextState(state: Uint8Array, block: Uint8Array): Uint8Array {
  const next = new Uint8Array(state.length);
  let carry = 1;
  let changed = false;
  for (let at = 0; at < state.length; at += 1) {
    const sum = signed(state[at]!) + signed(block[at]!) + carry;
    next[at] = sum & 0xff;
    changed ||= next[at] !== state[at];
    carry = sum >> 8;
  }
  if (!changed) next[0] = (next[0]! + 1) & 0xff;
  return next;
}

const signed = (byte: number) => (byte << 24) >> 24;
