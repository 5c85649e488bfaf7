import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { formatLine, parseLine } from "../src/proof/archive.js";
import { decodeText, encodeText, eventLeaf } from "../src/proof/leaf.js";
import {
  isSigned,
  manifestHash,
  manifestText,
  MANIFEST_GENESIS,
  publicKeyOf,
  signManifest,
} from "../src/proof/manifest.js";
import { fc } from "./property.js";

const manifest = manifestText({
  account: "koogallery-cn",
  number: 1,
  hour: 1_772_359_200_000_000,
  prev: MANIFEST_GENESIS,
  keyId: "0123456789abcdef",
  records: 1,
  usages: 2,
  events: 3,
  recordsRoot: "a",
  usageRoot: "b",
  chainsRoot: "c",
  totalsRoot: "d",
  bodySha256: "e",
});

describe("text from outside", () => {
  test("is printable ASCII, and comes back as it was", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, (given) => {
        const encoded = encodeText(given);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeText(encoded)).toBe(given);
      }),
    );
  });

  test.each(["%e6", "%41", "%", "é", "%FF", "%zz"])(
    "that nobody encodes so is no such text: %s",
    (encoded) => {
      expect(decodeText(encoded)).toBeUndefined();
    },
  );
});

describe("a line", () => {
  const line = formatLine("chain", { account: "a", checksum: "c", seq: "1", shard: "0" });

  test("reads back", () => {
    expect(parseLine(line)).toMatchObject({ type: "chain", fields: { seq: "1" } });
  });

  test.each([
    ["a blank", line.replace(":", ": ")],
    ["another order", '{"chain":{"checksum":"c","account":"a","seq":"1","shard":"0"}}'],
    ["a number", line.replace('"1"', "1")],
    ["a field more", line.replace('"shard":"0"', '"shard":"0","x":"1"')],
    ["a field less", line.replace(',"shard":"0"', "")],
    ["a field twice", line.replace('"seq":"1"', '"seq":"2","seq":"1"')],
    ["an escape", line.replace('"a"', '"\\u0061"')],
    ["a line feed in a value", line.replace('"c"', '"\\nc"')],
    ["another type", line.replace("chain", "constructor")],
    ["text behind it", `${line} `],
    ["nothing", ""],
  ])("with %s is none", (_name, text) => {
    expect(parseLine(text)).toBeUndefined();
  });
});

describe("a leaf", () => {
  test("is the same for the same quantity, however the database writes it", () => {
    const core = {
      account: "a",
      source: "源",
      id: "1",
      key: "k",
      instance: "i",
      meter: "m",
      time: 1_772_359_200_123_456,
      value: null,
      accountNamed: null,
      payloadHash: "p",
    };
    expect(eventLeaf({ ...core, quantity: "1.500" })).toBe(eventLeaf({ ...core, quantity: "1.5" }));
    expect(eventLeaf({ ...core, quantity: "1.5" })).toBe(
      '{"account":"a","id":"1","instance":"i","key":"k","meter":"m","payload_hash":"p","quantity":"1.5","source":"%E6%BA%90","time":"2026-03-01T10:00:00.123456Z","value":""}',
    );
    expect(eventLeaf({ ...core, quantity: "1.5", accountNamed: "b" })).toBe(
      '{"account":"a","account_named":"b","id":"1","instance":"i","key":"k","meter":"m","payload_hash":"p","quantity":"1.5","source":"%E6%BA%90","time":"2026-03-01T10:00:00.123456Z","value":""}',
    );
  });
});

describe("a manifest", () => {
  test("has the bytes and hash that docs/proof.md describes", () => {
    expect(manifest).toBe(
      `{"account":"koogallery-cn","body_sha256":"e","chains_root":"c","events":"3","hour":"20260301T100000Z","key_id":"0123456789abcdef","number":"1","prev":"${MANIFEST_GENESIS}","records":"1","records_root":"a","totals_root":"d","usage_root":"b","usages":"2","v":"1"}`,
    );
    expect(manifestHash(manifest)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("is signed only by its key, in the one form that is read", () => {
    const [own, other] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
    const signature = signManifest(manifest, own.privateKey);
    const key = publicKeyOf(own.privateKey);
    expect(isSigned(manifest, signature, key)).toBe(true);
    expect(isSigned(`${manifest} `, signature, key)).toBe(false);
    expect(isSigned(manifest, signature, publicKeyOf(other.privateKey))).toBe(false);
    expect(isSigned(manifest, signature.toUpperCase(), key)).toBe(false);
    expect(isSigned(manifest, signature.slice(2), key)).toBe(false);
  });
});
