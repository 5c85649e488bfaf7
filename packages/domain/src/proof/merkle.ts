import { hash } from "node:crypto";

/**
 * The Merkle tree of RFC 9162, section 2.1: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right), the
 * empty tree is SHA-256 of nothing. The prefixes keep a node from passing as a leaf.
 */
const LEAF_PREFIX = "\0";
const NODE_PREFIX = 1;
const HASH_BYTES = 32;

/** 32 bytes of a hash as Latin-1 text, which costs half as much as a Buffer. */
export type Digest = string;

const LATIN1 = "binary";
const leaf = Buffer.alloc(1 + HASH_BYTES);
const node = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

/** Hash of a leaf's data. */
export function leafHash(data: string | Buffer): Digest {
  if (typeof data === "string") return hash("sha256", LEAF_PREFIX + data, LATIN1);
  if (data.length !== HASH_BYTES) return hash("sha256", Buffer.concat([leaf.subarray(0, 1), data]), LATIN1);
  leaf.set(data, 1);
  return hash("sha256", leaf, LATIN1);
}

function nodeHash(left: Digest, right: Digest): Digest {
  node.write(left, 1, LATIN1);
  node.write(right, 1 + HASH_BYTES, LATIN1);
  return hash("sha256", node, LATIN1);
}

const hexOf = (digest: Digest): string => Buffer.from(digest, LATIN1).toString("hex");

export const EMPTY_ROOT = hash("sha256", "", "hex");

/** A tree that is fed leaf by leaf and keeps one hash per level, whatever its size. */
export interface Tree {
  add(data: string | Buffer): void;
  size(): number;
  /** The root over all leaves so far, 64 hex digits. */
  root(): string;
}

/** Begins an empty tree. */
export function createTree(): Tree {
  /** Roots of complete subtrees, the largest first: one for each set bit of the size. */
  const stack: Digest[] = [];
  let size = 0;
  return {
    add(data) {
      let node = leafHash(data);
      for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) node = nodeHash(stack.pop()!, node);
      stack.push(node);
      size += 1;
    },
    size: () => size,
    root() {
      if (size === 0) return EMPTY_ROOT;
      return hexOf(stack.reduceRight((right, left) => nodeHash(left, right)));
    },
  };
}

/** The root over data given all at once. */
export function rootOf(leaves: Iterable<string | Buffer>): string {
  const tree = createTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

/**
 * The inclusion proof of leaf `index` (RFC 9162, section 2.1.3): sibling hashes in hex, from the leaf upward.
 * @param hashes of all leaves, in order.
 */
export function inclusionPath(hashes: readonly Digest[], index: number): string[] {
  if (!(index >= 0 && index < hashes.length)) throw new RangeError(`no leaf ${index} of ${hashes.length}`);
  const path: string[] = [];
  let level = [...hashes];
  for (let at = index; level.length > 1; at = Math.floor(at / 2)) {
    const sibling = level[at ^ 1];
    if (sibling) path.push(hexOf(sibling));
    level = pairUp(level);
  }
  return path;
}

function pairUp(level: readonly Digest[]): Digest[] {
  const above: Digest[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at]!, level[at + 1]];
    above.push(right ? nodeHash(left, right) : left);
  }
  return above;
}

/** The root that an inclusion proof leads to, in hex; undefined if the proof does not fit index and size. */
export function rootOfPath(
  data: string | Buffer,
  index: number,
  size: number,
  path: readonly string[],
): string | undefined {
  if (!(index >= 0 && index < size)) return undefined;
  let node = leafHash(data);
  const left = [...path];
  for (let at = index, width = size; width > 1; at = Math.floor(at / 2), width = Math.ceil(width / 2)) {
    // The last node of an odd level has no sibling and moves up unchanged.
    if (at % 2 === 0 && at + 1 === width) continue;
    const sibling = Buffer.from(left.shift() ?? "", "hex").toString(LATIN1);
    if (sibling.length !== HASH_BYTES) return undefined;
    node = at % 2 === 0 ? nodeHash(node, sibling) : nodeHash(sibling, node);
  }
  return left.length === 0 ? hexOf(node) : undefined;
}
