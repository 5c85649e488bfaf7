import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createTree, inclusionPath, leafHash, rootOf, rootOfPath } from "../src/proof/merkle.js";

const golden = JSON.parse(readFileSync(new URL("golden/trees.json", import.meta.url), "utf8")) as {
  trees: { size: number; root: string }[];
  proofs: { size: number; index: number; path: string[] }[];
};
const leaves = (size: number) => Array.from({ length: size }, (_, n) => `leaf ${n}`);
const rootOfSize = (size: number) => golden.trees.find((tree) => tree.size === size)!.root;

describe("trees", () => {
  test.each(golden.trees)("of $size leaves have the root of RFC 9162", ({ size, root }) => {
    expect(rootOf(leaves(size))).toBe(root);
  });

  test("fed leaf by leaf have each root on the way", () => {
    const tree = createTree();
    for (let size = 0; size <= 9; size += 1) {
      expect([tree.size(), tree.root()]).toEqual([size, rootOfSize(size)]);
      tree.add(`leaf ${size}`);
    }
  });
});

describe("inclusion proofs", () => {
  test.each(golden.proofs)("of leaf $index in $size are those of RFC 9162", ({ size, index, path }) => {
    expect(inclusionPath(leaves(size).map(leafHash), index)).toEqual(path);
    expect(rootOfPath(`leaf ${index}`, index, size, path)).toBe(rootOfSize(size));
  });

  test("lead to the root from every leaf, and from no other place", () => {
    for (let size = 1; size <= 33; size += 1) {
      const all = leaves(size);
      const root = rootOf(all);
      for (let index = 0; index < size; index += 1) {
        const path = inclusionPath(all.map(leafHash), index);
        expect(rootOfPath(all[index]!, index, size, path)).toBe(root);
        expect(rootOfPath(all[index]!, (index + 1) % size, size, path) === root).toBe(size === 1);
        expect(rootOfPath("another leaf", index, size, path)).not.toBe(root);
      }
    }
  });

  test("that do not fit are no proofs", () => {
    const path = inclusionPath(leaves(5).map(leafHash), 2);
    expect(rootOfPath("leaf 2", 2, 5, path.slice(1))).toBeUndefined();
    expect(rootOfPath("leaf 2", 2, 5, [...path, path[0]!])).toBeUndefined();
    expect(rootOfPath("leaf 2", 5, 5, path)).toBeUndefined();
    expect(rootOfPath("leaf 2", 2, 5, [path[0]!.slice(2), ...path.slice(1)])).toBeUndefined();
  });

  test("a node does not pass as a leaf", () => {
    const both = leaves(2).map(leafHash).join("");
    expect(rootOf([Buffer.from(both, "latin1")])).not.toBe(rootOfSize(2));
  });
});
