import { expect, test } from "vitest";
import { boxAt, push, rec, send, type Rec } from "./kit.js";

const bad: [string, unknown, number, string][] = [
  ["no object", "text", 500, "MKT.9002"],
  ["extra field", { ...rec(), color: "red" }, 400, "MKT.0101"],
  ["number as usage", { ...rec(), usage_value: 1.5 }, 400, "MKT.0101"],
  ["null package", { ...rec(), relate_pkg_instance: null }, 400, "MKT.0101"],
  ["empty serial", rec({ metering_sn: "" }), 400, "MKT.0101"],
  ["text as usage", rec({ usage_value: "abc" }), 400, "MKT.0101"],
  ["exponent", rec({ usage_value: "1e3" }), 400, "MKT.0101"],
  ["zero", rec({ usage_value: "0.0000" }), 500, "MKT.0100"],
  ["negative", rec({ usage_value: "-1" }), 500, "MKT.0100"],
  ["five decimals", rec({ usage_value: "1.00001" }), 500, "MKT.0100"],
  ["nine digits", rec({ usage_value: "123456789" }), 500, "MKT.0100"],
  ["usage too long", rec({ usage_value: "0".repeat(20) + "1" }), 500, "MKT.0100"],
  ["instance too long", rec({ instance_id: "i".repeat(65) }), 500, "MKT.0100"],
  ["serial too long", rec({ metering_sn: "s".repeat(65) }), 500, "MKT.0100"],
  ["package too long", rec({ relate_pkg_instance: "p".repeat(65) }), 500, "MKT.0100"],
  ["ISO time", rec({ begin_time: "2026-03-10T11:00Z" }), 500, "MKT.0100"],
  ["month 13", rec({ begin_time: "20261310T110000Z" }), 500, "MKT.0100"],
  ["30 February", rec({ record_time: "20260230T110000Z" }), 500, "MKT.0100"],
  ["hour 24", rec({ end_time: "20260310T240000Z" }), 500, "MKT.0100"],
  ["older than 21 days", rec({ begin_time: "20260217T120459Z" }), 500, "MKT.9004"],
];

test.each(bad)("%s refuses the whole call", async (_name, record, status, code) => {
  const box = await boxAt();
  expect(await push(box, rec(), record)).toMatchObject({ status, code });
  expect(box.store.records()).toEqual([]);
});

test.each(["instance_id", "record_time", "begin_time", "end_time", "usage_value", "metering_sn"])(
  "%s is mandatory",
  async (field) => {
    const box = await boxAt();
    const { [field]: _left, ...rest } = rec();
    expect(await push(box, rest)).toMatchObject({ status: 400, code: "MKT.0101" });
  },
);

const good: [string, Rec][] = [
  ["eight digits and four decimals", rec({ usage_value: "12345678.1234" })],
  ["the smallest usage", rec({ usage_value: "0.0001" })],
  ["the longest names", rec({ instance_id: "i".repeat(64), metering_sn: "s".repeat(64) })],
  ["a package", rec({ relate_pkg_instance: "p".repeat(64) })],
  ["21 days to the second", rec({ begin_time: "20260217T120500Z" })],
  ["a moment", rec({ begin_time: "20260310T120000Z" })],
];

test.each(good)("%s is accepted and valid", async (_name, record) => {
  const box = await boxAt();
  expect(await push(box, record)).toMatchObject({ status: 200, code: "MKT.0000" });
  await box.settle();
  expect(box.store.records()).toMatchObject([{ ...record, state: "normal" }]);
});

test.each([
  ["not JSON", "{", 500, "MKT.0100"],
  ["a list", "[]", 400, "MKT.0101"],
  ["no records", "{}", 400, "MKT.0101"],
  ["records no list", '{"usage_records":{}}', 400, "MKT.0101"],
  ["an empty list", '{"usage_records":[]}', 500, "MKT.9002"],
  ["an extra parameter", '{"usage_records":[],"x":1}', 400, "MKT.0101"],
  ["an empty body", "", 500, "MKT.0100"],
])("%s as body", async (_name, body, status, code) => {
  expect(await send(await boxAt(), body)).toMatchObject({ status, code });
});

test("1,000 records go, 1,001 do not, and a body too large stops at the gateway", async () => {
  const box = await boxAt();
  const many = Array.from({ length: 1001 }, (_, index) => rec({ instance_id: `i-${index}` }));
  expect(await push(box, ...many)).toMatchObject({ status: 500, code: "MKT.9003" });
  expect((await push(box, ...many.slice(1))).code).toBe("MKT.0000");
  expect(box.store.records()).toHaveLength(1000);
  expect(await send(box, " ".repeat(2_097_153))).toMatchObject({ status: 413, code: "APIGW.0201" });
});

test("a known instance goes, an unknown one refuses the call", async () => {
  const box = await boxAt(undefined, { instances: "known" });
  await box.setInstance("inst-1", { product: "P", opened: "2026-03-01T00:00:00Z" });
  await box.setInstance("other", { product: "P", opened: "2026-03-01T00:00:00Z", state: "unpublished" });
  const unknown = await push(box, rec(), rec({ instance_id: "nobody" }));
  expect(unknown).toMatchObject({ status: 500, code: "MKT.9001" });
  expect(unknown.json.extra_info).toBe("usage_records[1].instance_id");
  expect(await push(box, rec({ instance_id: "other" }))).toMatchObject({ status: 401, code: "MKT.0150" });
  expect((await push(box, rec())).code).toBe("MKT.0000");
  expect(box.store.records()).toHaveLength(1);
});
