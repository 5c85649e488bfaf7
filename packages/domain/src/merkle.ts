import { hash } from "node:crypto";

/**
 * The Merkle tree of RFC 9162, section 2.1: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right), the
 * empty tree is SHA-256 of nothing. The prefixes keep a node from passing as a leaf.
 */
const LEAF = Buffer.of(0);
const NODE_PREFIX = 1;
const HASH_BYTES = 32;

/** Hash of a leaf's data. */
export function leafHash(data: string | Buffer): Buffer {
  return hash("sha256", typeof data === "string" ? `\0${data}` : Buffer.concat([LEAF, data]), "buffer");
}

const node = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

function nodeHash(left: Buffer, right: Buffer): Buffer {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return hash("sha256", node, "buffer");
}

export const EMPTY_ROOT = hash("sha256", "", "hex");

/** A tree that is fed leaf by leaf and keeps one hash a level, whatever its size. */
export interface Tree {
  add(data: string | Buffer): void;
  size(): number;
  /** The root over all leaves so far, 64 hex digits. */
  root(): string;
}

/** Begins an empty tree. */
export function createTree(): Tree {
  /** Roots of complete subtrees, the largest first: one for each bit that is set in the size. */
  const stack: Buffer[] = [];
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
      return stack.reduceRight((right, left) => nodeHash(left, right)).toString("hex");
    },
  };
}

/** The root over data given at once. */
export function rootOf(leaves: Iterable<string | Buffer>): string {
  const tree = createTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

/**
 * The inclusion proof of leaf `index` (RFC 9162, section 2.1.3): sibling hashes in hex, from the leaf upward.
 * @param hashes of all leaves, in order.
 */
export function inclusionPath(hashes: readonly Buffer[], index: number): string[] {
  if (!(index >= 0 && index < hashes.length)) throw new RangeError(`no leaf ${index} of ${hashes.length}`);
  const path: string[] = [];
  let level = [...hashes];
  for (let at = index; level.length > 1; at = Math.floor(at / 2)) {
    const sibling = level[at ^ 1];
    if (sibling) path.push(sibling.toString("hex"));
    level = pairUp(level);
  }
  return path;
}

function pairUp(level: readonly Buffer[]): Buffer[] {
  const above: Buffer[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at]!, level[at + 1]];
    above.push(right ? nodeHash(left, right) : left);
  }
  return above;
}

/** The root that an inclusion proof leads to, in hex; undefined where the proof does not fit index and size. */
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
    // The last of an odd level has no sibling and goes up as it is.
    if (at % 2 === 0 && at + 1 === width) continue;
    const sibling = Buffer.from(left.shift() ?? "", "hex");
    if (sibling.length !== node.length) return undefined;
    node = at % 2 === 0 ? nodeHash(node, sibling) : nodeHash(sibling, node);
  }
  return left.length === 0 ? node.toString("hex") : undefined;
}
