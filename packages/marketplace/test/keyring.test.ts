import { describe, expect, test } from "vitest";
import { allKeys, holdsFor, keySource, readKeyring, type Keyring } from "../src/koogallery/keyring.js";

const ring = (texts: Parameters<typeof readKeyring>[0]): Keyring => {
  const read = readKeyring(texts);
  if (!read.ok) throw new Error(read.problem.right.en);
  return read.value;
};

test("keys of the account and of products, the one that signs first; the single key comes last", () => {
  const made = ring({
    MARKETPLACE_KEYS: "# rotated in March\nnew\r\nOFFI1 p-new\nOFFI1\tp-old\n\nold,older\nOFFI2 q",
    MARKETPLACE_KEY: "single",
  });
  expect(made.account).toEqual(["new", "old", "older", "single"]);
  expect([...made.products]).toEqual([
    ["OFFI1", ["p-new", "p-old"]],
    ["OFFI2", ["q"]],
  ]);
  expect(allKeys(made)).toHaveLength(7);
  expect([
    holdsFor(made, "q", "OFFI2"),
    holdsFor(made, "q", "OFFI1"),
    holdsFor(made, "old", "OFFI1"),
  ]).toEqual([...[true, false, true]]);
});

test("a product's own key signs before the account's, and what signs follows the ring", () => {
  let now = ring({ MARKETPLACE_KEYS: "a\nP p1\nP p2" });
  const source = keySource(() => now);
  const signs = (product?: string) => [source(product).key.reveal(), source(product).isOwn];
  expect([signs("P"), signs("other"), signs()]).toEqual([
    ["p1", true],
    ["a", false],
    ["a", false],
  ]);
  now = ring({ MARKETPLACE_KEYS: "a\nP p2" });
  expect(signs("P")).toEqual(["p2", true]);
});

describe("what cannot be read is reported by its line, without a key in it", () => {
  test.each([
    [{ MARKETPLACE_KEYS: "a\nP secret-key and more" }, "MARKETPLACE_KEYS", "(hidden; line 2)"],
    [{ MARKETPLACE_KEYS: "P only-a-product" }, "MARKETPLACE_KEY", ""],
    [{ MARKETPLACE_KEY: " padded" }, "MARKETPLACE_KEY", "(hidden)"],
    [{}, "MARKETPLACE_KEY", ""],
  ])("%j", (texts, name, value) => {
    const read = readKeyring(texts);
    expect(read).toMatchObject({ ok: false, problem: { name, value } });
    expect(JSON.stringify(read)).not.toMatch(/secret-key|padded/);
  });
});
