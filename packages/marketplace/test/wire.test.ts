import { createHmac } from "node:crypto";
import { HOUR, parseCompact } from "@quarterpast/domain";
import { describe, expect, test } from "vitest";
import { signedHeaders } from "../src/koogallery/sign.js";
import { bodyOf, encodeRecord } from "../src/koogallery/wire.js";

const at = (text: string) => parseCompact(text)!;
const RECORD = {
  instanceId: "7f141bf1-aec8-4859-8323-fb3a8ad50721",
  serialNumber: "0b0f7d0e-6f0e-4a5c-9d3a-2f2f6d1c7a11",
  begin: at("20220809T080000Z"),
  end: at("20220809T090000Z"),
  recordTime: at("20220809T091000Z"),
  quantity: "99",
};
const VECTOR_E_BODY =
  '{"usage_records":[{"begin_time":"20220809T080000Z","end_time":"20220809T090000Z",' +
  '"instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","metering_sn":"0b0f7d0e-6f0e-4a5c-9d3a-2f2f6d1c7a11",' +
  '"record_time":"20220809T091000Z","usage_value":"99"}]}';

describe("the wire text of records", () => {
  test("is the body of test vector E, byte by byte", () => {
    expect(bodyOf([encodeRecord(RECORD)]).toString("utf8")).toBe(VECTOR_E_BODY);
  });

  // Wire version 1 must never change a byte: records were frozen with it.
  test("names the package where one is given, in its place among the sorted keys", () => {
    const wire = encodeRecord({ ...RECORD, relatedPackageInstance: "pkg-1", quantity: "12345678.1234" });
    expect(wire).toBe(
      '{"begin_time":"20220809T080000Z","end_time":"20220809T090000Z",' +
        '"instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","metering_sn":"0b0f7d0e-6f0e-4a5c-9d3a-2f2f6d1c7a11",' +
        '"record_time":"20220809T091000Z","relate_pkg_instance":"pkg-1","usage_value":"12345678.1234"}',
    );
  });

  test("cuts the record time to its second and escapes what JSON must", () => {
    const wire = encodeRecord({ ...RECORD, recordTime: RECORD.recordTime + 999_999, instanceId: 'a"b\\c' });
    expect(JSON.parse(wire)).toMatchObject({ record_time: "20220809T091000Z", instance_id: 'a"b\\c' });
  });

  test.each([
    ["quantity", { quantity: "0.0000" }],
    ["quantity", { quantity: "01" }],
    ["quantity", { quantity: "1." }],
    ["quantity", { quantity: "123456789" }],
    ["quantity", { quantity: "1.00000" }],
    ["instanceId", { instanceId: "实例" }],
    ["instanceId", { instanceId: " a" }],
    ["serialNumber", { serialNumber: "a\nb" }],
    ["relatedPackageInstance", { relatedPackageInstance: "" }],
    ["end", { end: RECORD.begin - HOUR }],
    ["begin", { begin: Number.NaN }],
  ])("refuses a wrong %s: %j", (field, change) => {
    expect(() => encodeRecord({ ...RECORD, ...change })).toThrow(new RegExp(`^${field} .* expected`));
  });
});

describe("the signature", () => {
  test("is that of test vector E", () => {
    const nonce = "6c63c221-1f6b-4141-8ff4-22f5dfe82b65";
    expect(signedHeaders("testAccessKey-0001", 1709690865879, nonce, Buffer.from(VECTOR_E_BODY))).toEqual({
      "content-type": "application/json",
      nonce,
      signature: "CUZWooWDhTeSdSfPV8iAPftSKW1TcC5d8OKgZUrWpVk=",
      ts: "1709690865879",
    });
  });

  test("covers ts, nonce, body and a key that is not ASCII", () => {
    const sign = (key: string, ts: number, nonce: string, body: string) =>
      signedHeaders(key, ts, nonce, Buffer.from(body))["signature"];
    const base = sign("密钥", 1, "n", "{}");
    expect(base).toBe(
      createHmac("sha256", Buffer.from("密钥")).update("ts=1&nonce=n&body={}").digest("base64"),
    );
    expect(sign("k", 1, "n", "量")).toBe(
      createHmac("sha256", "k").update("ts=1&nonce=n&body=量").digest("base64"),
    );
    const others = [
      sign("k", 1, "n", "{}"),
      sign("密钥", 2, "n", "{}"),
      sign("密钥", 1, "m", "{}"),
      sign("密钥", 1, "n", "{ }"),
    ];
    expect(new Set([base, ...others]).size).toBe(5);
  });
});
