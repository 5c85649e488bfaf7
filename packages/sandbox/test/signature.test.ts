import { expect, test } from "vitest";
import { signatureOf } from "../src/koogallery/rules/authenticate.js";
import { boxAt, push, rec, send } from "./kit.js";

const VECTOR = {
  ts: "1709690865879",
  nonce: "6c63c221-1f6b-4141-8ff4-22f5dfe82b65",
  body: '{"usage_records":[{"begin_time":"20220809T080000Z","end_time":"20220809T090000Z","instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","metering_sn":"0b0f7d0e-6f0e-4a5c-9d3a-2f2f6d1c7a11","record_time":"20220809T091000Z","usage_value":"99"}]}',
  signature: "CUZWooWDhTeSdSfPV8iAPftSKW1TcC5d8OKgZUrWpVk=",
};
const FOREVER = { skewLimitMs: 1e15 };

test("vector E is the signature", () => {
  const { ts, nonce, body, signature } = VECTOR;
  expect(signatureOf("testAccessKey-0001", ts, nonce, Buffer.from(body))).toBe(signature);
});

test("vector E is accepted over HTTP, and refused with any byte changed", async () => {
  const box = await boxAt("2022-08-09T09:10:00Z", FOREVER);
  const { ts, nonce, body, signature } = VECTOR;
  expect(await send(box, body.replace("99", "98"), { ts, nonce, signature })).toMatchObject({
    status: 400,
    code: "MKT.0102",
  });
  expect((await send(box, body + " ", { ts, nonce, signature })).code).toBe("MKT.0102");
  const reply = await send(box, body, { ts, nonce, signature });
  expect(reply).toMatchObject({ status: 200, json: { error_code: "MKT.0000", error_msg: "success" } });
  expect(box.store.records()).toMatchObject([{ usage_value: "99", metering_sn: expect.any(String) }]);
});

test("a nonce serves once; a refused signature does not use it up", async () => {
  const box = await boxAt();
  const body = JSON.stringify({ usage_records: [rec()] });
  const ts = String(Date.now());
  expect((await send(box, body, { ts, nonce: "n1", signature: "bad" })).code).toBe("MKT.0102");
  expect((await send(box, body, { ts, nonce: "n1" })).code).toBe("MKT.0000");
  expect(await send(box, body, { ts, nonce: "n1" })).toMatchObject({ status: 401, code: "MKT.0154" });
  expect(box.store.records()).toHaveLength(1);
});

test.each([
  ["signature", "-", "MKT.0199"],
  ["ts", "-", "MKT.0199"],
  ["nonce", "-", "MKT.0199"],
  ["signature", "x".repeat(1001), "MKT.0199"],
  ["ts", "1".repeat(21), "MKT.0199"],
  ["nonce", "n".repeat(65), "MKT.0199"],
  ["ts", "yesterday", "MKT.0199"],
  ["content-type", "text/plain", "MKT.0199"],
  ["ts", String(Date.now() - 301_000), "MKT.0102"],
  ["ts", String(Date.now() + 330_000), "MKT.0102"],
])("header %s = %.20s is refused with %s", async (name, value, code) => {
  const box = await boxAt();
  const reply = await send(box, JSON.stringify({ usage_records: [rec()] }), { [name]: value });
  expect(reply).toMatchObject({ status: 400, code });
  expect(box.store.records()).toEqual([]);
});

test("the reply carries the server's real time, whatever the product clock says", async () => {
  const box = await boxAt();
  const reply = await push(box, rec());
  expect(Math.abs(Date.parse(reply.headers.get("date") ?? "") - Date.now())).toBeLessThan(5000);
});
