import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  apigSignature,
  authTokenOf,
  bodySign,
  decryptSensitive,
  encryptSensitive,
  findV1Key,
  findV2Key,
  formatDigits,
  kitSign,
  parseDigits,
  parseTimestamp,
  readQuery,
  signV2,
  sortedBody,
} from "../src/koogallery/index.js";
import { sha1prng } from "../src/koogallery/storefront/sha1prng.js";

const KEY = "testAccessKey-0001";
const TIMESTAMP = "1680508066618";
const NONCE = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA";
const BODY =
  '{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}';
const SIGNATURE = "b6d20b08fa9c6345dd681c493ab54ad5830a7fe4046044ed4716b950b8180005";

describe("vectors of koogallery.md 10", () => {
  test("A: authToken of V1.0", () => {
    const [parameters] = readQuery(
      "activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c&customerId=68cbc86abc2018ab880d92f36422fa0e&expireTime=20200727153156&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1&timeStamp=20200727073711903",
    );
    expect(authTokenOf("xxxxxxx", parameters!)).toBe("Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=");
  });

  test("B: AK/SK", () => {
    const date = "20240317T144237Z";
    const host = "mkt.myhuaweicloud.com";
    const activate = {
      method: "POST",
      path: "/api/mkp-openapi-public/global/v1/license/activate",
      query: [],
      headers: { "content-type": "application/json", host, "x-sdk-date": date, "x-stage": "RELEASE" },
      body: "",
    };
    expect(apigSignature("123", activate)).toBe(
      "77595ad624b6e4e49990b8c4e84bf1c287457fca61069c4e60b9b6765b52053d",
    );
    const query = {
      method: "GET",
      path: "/api/mkp-openapi-public/global/v1/order/query",
      query: [
        ["orderLineId", "MOCKONDEMAND-000001"],
        ["orderId", "MOCKONDEMAND"],
      ] as const,
      headers: { "content-type": "application/json", host, "x-sdk-date": date },
      body: "",
    };
    expect(apigSignature("123", query)).toBe(
      "57139b67b20b2e39af86306b3ded034a037c3a4a1fa821b2d5a54ae870f2758f",
    );
  });

  test("C: keys and cipher texts of sensitive fields", () => {
    const keys: [string, number, string][] = [
      ["xxxxxxx", 16, "c962ef8500ad13239b5ec0eb6a5c570b"],
      ["xxxxxxx", 32, "c962ef8500ad13239b5ec0eb6a5c570b3cae0fd0e5c28e793eb6aaa22d251123"],
      [KEY, 16, "61194972f7e6b2d594881ae28eeaecea"],
      [KEY, 32, "61194972f7e6b2d594881ae28eeaecea971372835c540062029990346e758a59"],
    ];
    for (const [seed, length, hex] of keys) expect(sha1prng(seed, length).toString("hex")).toBe(hex);
    const iv = "0123456789abcdef";
    const sealed = {
      "1": "0123456789abcdefguzFQltbKY3LtZD8PoPpIu7kQgSkVmt7d8Jw7+wIrsA=",
      "2": "0123456789abcdefAwn9jSTATKs4iMtiIBh2Mas7o7eosmGbTILN+bR9qeU=",
    } as const;
    for (const type of ["1", "2"] as const) {
      expect(encryptSensitive(KEY, type, iv, "admin@example.com")).toBe(sealed[type]);
      expect(decryptSensitive(KEY, type, sealed[type])).toBe("admin@example.com");
      expect(decryptSensitive(KEY, type, sealed[type].replace("+", " "))).toBe("admin@example.com");
    }
    expect(decryptSensitive("another", "1", sealed["1"])).not.toBe("admin@example.com");
  });

  test("D, I: signature of V2.0, over raw bytes and over the sorted form", () => {
    expect(signV2(KEY, BODY, NONCE, TIMESTAMP)).toBe(SIGNATURE);
    const proof = { signature: SIGNATURE.toUpperCase(), timestamp: TIMESTAMP, nonce: NONCE };
    expect(findV2Key(["other", KEY], Buffer.from(BODY), proof)).toBe(KEY);
    const shuffled = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(BODY)).reverse()), null, 2);
    const withNull = Buffer.from(shuffled.replace("{", '{"trial":null,'));
    expect(sortedBody(withNull)).toBe(BODY);
    expect(findV2Key([KEY], withNull, proof)).toBe(KEY);
  });

  test("F: Body-Sign", () => {
    const body =
      '{"resultCode":"000000","resultMsg":"success","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}';
    expect(bodySign(KEY, body)).toBe(
      'sign_type="HMAC-SHA256", signature= "iwkrEZwUeREzd/p5TZZJc0ATAdpqcrm1qWFSnX4RxDo="',
    );
    expect(bodySign("abcde", "a=1&b=2")).toContain('"4sbEVd9vKZQGPRRr8TyjWery0lZV7tetTnzfX3Gb9Ok="');
  });

  test("G: x-sign", () => {
    const body =
      '{"flag":1,"instanceId":"huaiweitest123456","tenantId":"t1","testFlag":0,"timeStamp":"20220413093539534"}';
    expect(kitSign(KEY, NONCE, TIMESTAMP, body)).toBe(
      "b4a25d8152768fd5cd5e2354335e6bcbf1bbc4df9d228f973d66de579eb7b59f",
    );
  });
});

test("each byte flipped in body, nonce, time or signature is refused", () => {
  const parts = { body: BODY, nonce: NONCE, timestamp: TIMESTAMP, signature: SIGNATURE };
  for (const name of Object.keys(parts) as (keyof typeof parts)[]) {
    const whole = Buffer.from(parts[name]);
    for (let at = 0; at < whole.length; at += 1) {
      const flipped = Buffer.from(whole);
      // A signature ignores case, so another bit is flipped than the one of letter case.
      flipped[at] = flipped[at]! ^ 0x01;
      const { body, ...proof } = { ...parts, [name]: flipped.toString("latin1") };
      expect(findV2Key([KEY], Buffer.from(body, "latin1"), proof), `${name}[${at}]`).toBeUndefined();
    }
  }
});

test("V1.0: a plus is read as a blank or as itself, whichever the token proves", () => {
  const meant = new Map([
    ["activity", "newInstance"],
    ["email", "ab+c d"],
    ["timeStamp", "20200727073711903"],
  ]);
  const token = encodeURIComponent(authTokenOf(KEY, meant));
  const formWritten = `activity=newInstance&email=ab%2Bc+d&timeStamp=20200727073711903&authToken=${token}`;
  const byHand = `activity=newInstance&email=ab+c%20d&timeStamp=20200727073711903&authToken=${token}`;
  for (const query of [formWritten, byHand]) {
    const proven = readQuery(query).filter((reading) => findV1Key([KEY], reading) === KEY);
    expect(proven.map((reading) => reading.get("email"))).toEqual(["ab+c d"]);
  }
  expect(readQuery("a=1&a=2")).toEqual([]);
  expect(readQuery("a=%E0%A4%A")).toEqual([]);
});

test("times come with 14 or 17 digits, stamps in seconds or ms", () => {
  expect(parseDigits("20221231235959")).toBe(Date.UTC(2022, 11, 31, 23, 59, 59) * 1_000);
  expect(parseDigits(" 20221231235959123 ")).toBe(Date.UTC(2022, 11, 31, 23, 59, 59, 123) * 1_000);
  expect(parseDigits("20221331235959")).toBeUndefined();
  expect(formatDigits(parseDigits("20221231235959123")!)).toBe("20221231235959123");
  expect(parseTimestamp("1680508066")).toBe(1680508066 * 1e6);
  expect(parseTimestamp("1680508066618")).toBe(1680508066618 * 1e3);
  expect(parseTimestamp("168050806661")).toBeUndefined();
});

test("SHA1PRNG gives a JDK's bytes for any length", () => {
  const long = sha1prng("seed", 200);
  expect(sha1prng("seed", 7)).toEqual(long.subarray(0, 7));
  expect(long.subarray(0, 20)).toEqual(
    createHash("sha1").update(createHash("sha1").update("seed").digest()).digest(),
  );
});
