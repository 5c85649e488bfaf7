import { describe, expect, test } from "vitest";
import { eventKey, keyIsId, payloadHash, shardOf, SHARDS, valueKey } from "../src/usage/identity.js";
import { fc } from "./property.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe("the key of an event", () => {
  test("is the id itself where that is a canonical UUIDv7", () => {
    const id = "018bd9a8-1c2b-7d3e-8f40-0123456789ab";
    expect(eventKey(id)).toBe(id);
    expect(keyIsId(eventKey(id))).toBe(true);
  });

  // python3 -c 'import hashlib,uuid,sys
  // b=bytearray(hashlib.sha256(sys.argv[1].encode()).digest()[:16]); b[6]=b[6]&15|128; b[8]=b[8]&63|128; print(uuid.UUID(bytes=bytes(b)))' ID
  test.each([
    ["order-1", "0bafe221-56d2-898c-943b-86040446d366"],
    ["", "e3b0c442-98fc-8c14-9afb-f4c8996fb924"],
    ["订单-1", "8f103259-cfc1-825b-b615-2a67b79f9abb"],
    ["018BD9A8-1C2B-7D3E-8F40-0123456789AB", "1f44c65c-9111-849e-818e-693127bcd55e"],
    ["018bd9a8-1c2b-4d3e-8f40-0123456789ab", "26cefcc4-6d44-8e1d-9939-63bd9dc6e432"],
    [" 018bd9a8-1c2b-7d3e-8f40-0123456789ab", "9e23b742-3ea6-847e-a3ab-a591928c0f36"],
    ["018bd9a81c2b7d3e8f400123456789ab", "61a32ee0-dd97-8e2b-b905-bb974b86d15e"],
    ["018bd9a8-1c2b-7d3e-cf40-0123456789ab", "e4795da7-756c-8cb2-8175-1243be3054b4"],
  ])("of %j is %s, SHA-256 cut and marked as version 8", (id, key) => {
    expect(eventKey(id)).toBe(key);
    expect(keyIsId(key)).toBe(false);
  });

  test("is a function of only the id, and differs between ids", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(eventKey(a)).toMatch(UUID);
        expect(eventKey(a)).toBe(eventKey(`${a}`));
        if (![a, b].some((text) => /\p{Cs}/u.test(text))) expect(eventKey(a) === eventKey(b)).toBe(a === b);
      }),
    );
  });
});

test("no two payloads share a hash by moving text from one field to the next", () => {
  const base = { subject: "ab", meter: "c", time: 1 };
  const hashes = [
    base,
    { ...base, subject: "a", meter: "bc" },
    { ...base, quantity: "1" },
    { ...base, value: "1" },
    { ...base, quantity: "-" },
    { ...base, quantity: "1", value: "1" },
    { ...base, time: 11, quantity: undefined },
    { ...base, subject: "ab1:c" },
    { ...base, meter: "c1:1" },
    { ...base, account: "a" },
    { ...base, account: "a", value: "1" },
    { ...base, correction: "corrects a" },
    { ...base, correction: "corrects a", account: "a" },
  ].map(payloadHash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(payloadHash({ ...base, quantity: undefined })).toBe(payloadHash(base));
});

// Computed with Python.
test("golden vector: what names no account hashes as it always did", () => {
  const base = { subject: "customer-1", meter: "tokens", time: 1_772_359_200_000_000, quantity: "2.5" };
  expect(payloadHash(base)).toBe("d2a4860a-1a10-9d7a-6c75-d91efcebef2d");
  const correction = "corrects e-1";
  expect(payloadHash({ ...base, correction })).toBe("d4cf9e97-97c6-5bda-a62d-0e6ce859e44f");
  const account = "koogallery-cn";
  expect(payloadHash({ ...base, account })).toBe("4caf6b05-cda3-1ab7-0f3d-e37ffdf11f66");
});

test("a value's key differs between values", () => {
  expect(valueKey("ann")).toMatch(UUID);
  expect(valueKey("ann")).not.toBe(valueKey("Ann"));
});

describe("the shard of an instance", () => {
  // printf %s ID | sha256sum | cut -c1-2, modulo 8
  test.each([
    ["i-1", 1],
    ["i-2", 4],
    ["huaweiid-0001", 7],
    ["f7a1c2d3-instance", 0],
  ])("of %s is %d, for ever", (id, shard) => expect(shardOf(id)).toBe(shard));

  test("spreads evenly", () => {
    const counts = Array<number>(SHARDS).fill(0);
    for (let n = 0; n < 8_000; n += 1) counts[shardOf(`instance-${n}`)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
