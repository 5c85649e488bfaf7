import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { OLD_PUSH_PATH, type Sandbox } from "../src/koogallery/index.js";
import { boxAt, get, KEY, push, put, rec, states, type Rec } from "./kit.js";

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const stamp = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");

/** A record of the old push: with a product, without a serial number. */
function oldRec(changes: Rec = {}): Rec {
  const { metering_sn: _, ...record } = rec();
  return { ...record, product_id: "product-1", ...changes };
}

/** Signs and sends, written by hand from the specification, 1.6 and 4.3. */
async function pushOld(box: Sandbox, records: unknown[], changes: Rec = {}) {
  const body = JSON.stringify({ usage_records: records });
  const { host } = new URL(box.url);
  const { date = stamp(Date.now()), ak = "sandbox", sk = KEY, tampered = body } = changes;
  const canonical = `POST\n${OLD_PUSH_PATH}/\n\ncontent-type:application/json\nhost:${host}\nx-sdk-date:${date}\n\ncontent-type;host;x-sdk-date\n${hash(body)}`;
  const signature = createHmac("sha256", sk)
    .update(`SDK-HMAC-SHA256\n${date}\n${hash(canonical)}`)
    .digest("hex");
  const response = await fetch(box.url + OLD_PUSH_PATH, {
    method: "POST",
    body: tampered,
    headers: {
      "content-type": "application/json",
      "x-sdk-date": date,
      authorization: `SDK-HMAC-SHA256 Access=${ak}, SignedHeaders=content-type;host;x-sdk-date, Signature=${signature}`,
    },
  });
  return { status: response.status, code: ((await response.json()) as { error_code: string }).error_code };
}

test("a record of the old push is taken, listed without a serial number, and collected", async () => {
  const box = await boxAt();
  expect(await pushOld(box, [oldRec()])).toEqual({ status: 200, code: "MKT.0000" });
  await box.settle();
  expect(await get(box, "/sandbox/sdr")).toMatchObject({
    records: [{ metering_sn: "", instance_id: "inst-1", state: "normal" }],
    complete: true,
  });
  expect(box.store.calls()).toMatchObject([{ push: "old", code: "MKT.0000" }]);
});

test("the first of an interval wins, whichever push it came by", async () => {
  const box = await boxAt();
  await pushOld(box, [oldRec({ usage_value: "1" })]);
  await pushOld(box, [oldRec({ usage_value: "1" }), oldRec({ instance_id: "inst-2" })]);
  await push(box, rec(), rec({ instance_id: "inst-2" }));
  await box.settle();
  expect(states(box)).toEqual(["normal", "abnormal 010", "normal", "abnormal 010", "abnormal 010"]);
  expect(box.store.totals("instance").total).toEqual({ usage: "2.5", records: 2 });
});

test.each([
  ["another secret key", { sk: "wrong" }],
  ["another access key", { ak: "stranger" }],
  ["another body", { tampered: JSON.stringify({ usage_records: [oldRec({ usage_value: "9" })] }) }],
  ["a date of before", { date: stamp(Date.now() - 16 * 60_000) }],
  ["no date", { date: "today" }],
])("%s is refused with MKT.0154", async (_, changes) => {
  const box = await boxAt();
  expect(await pushOld(box, [oldRec()], changes)).toEqual({ status: 401, code: "MKT.0154" });
  expect(box.store.records()).toEqual([]);
});

test.each([
  ["no product", { product_id: undefined }, "MKT.0101"],
  ["an empty product", { product_id: "" }, "MKT.0101"],
  ["a product too long", { product_id: "p".repeat(65) }, "MKT.0100"],
  ["a serial number", { metering_sn: "sn" }, "MKT.0101"],
])("a record with %s is refused", async (_, changes, code) => {
  const box = await boxAt();
  expect(await pushOld(box, [oldRec(changes as Rec)])).toMatchObject({ code });
  expect((await push(box, { ...rec(), product_id: "product-1" })).code).toBe("MKT.0101");
});

test("a fault's rows name the record by its interval", async () => {
  const box = await boxAt();
  await put(box, "/sandbox/faults", { mode: "abnormal_sync", code: "003" });
  expect(await pushOld(box, [oldRec()])).toMatchObject({ code: "MKT.0000" });
  expect(states(box)).toEqual(["abnormal 003"]);
});
