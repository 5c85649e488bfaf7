import { expect, test } from "vitest";
import type { InstanceInput } from "../src/koogallery/index.js";
import { boxAt, push, rec, states } from "./kit.js";

test("accepted is not validated: the check comes after the reply", async () => {
  const box = await boxAt(undefined, { validationDelayMs: 60_000 });
  await push(box, rec());
  expect(states(box)).toEqual(["pending"]);
  await box.settle();
  expect(states(box)).toEqual(["normal"]);
});

test("the check comes by itself", async () => {
  const box = await boxAt(undefined, { validationDelayMs: 20 });
  await push(box, rec());
  await expect.poll(() => states(box), { timeout: 3000 }).toEqual(["normal"]);
});

test("the first of an interval wins, in one call and across calls", async () => {
  const box = await boxAt();
  await push(box, rec({ usage_value: "1" }), rec({ usage_value: "9" }));
  await push(box, rec({ usage_value: "7" }), rec({ instance_id: "inst-2" }));
  await push(box, rec({ begin_time: "20260310T110001Z" }));
  await box.settle();
  expect(states(box)).toEqual(["normal", "abnormal 010", "abnormal 010", "normal", "normal"]);
  expect(box.store.totals("instance").totals[0]).toMatchObject({ instance_id: "inst-1", usage: "2.5" });
});

test("a serial number serves once, the identical record too never doubles", async () => {
  const box = await boxAt();
  const record = rec({ metering_sn: "one" });
  await push(box, record);
  await push(box, record);
  await push(box, rec({ metering_sn: "one", instance_id: "inst-2" }));
  await box.settle();
  expect(states(box)).toEqual(["normal", "abnormal 005", "abnormal 005"]);
  expect(box.store.totals("instance").total).toEqual({ usage: "1.5", records: 1 });
});

test("a void record does not hold its interval; the corrected one needs another serial number", async () => {
  const box = await boxAt();
  box.setFaults([{ mode: "abnormal", code: "003", times: 1 }]);
  await push(box, rec({ metering_sn: "void", usage_value: "5" }));
  await box.settle();
  await push(box, rec({ metering_sn: "void", usage_value: "6" }), rec({ usage_value: "6" }));
  await box.settle();
  expect(states(box)).toEqual(["abnormal 003", "abnormal 005", "normal"]);
});

test.each([
  ["begin after end", { begin_time: "20260310T120001Z" }],
  ["end after the record's time", { record_time: "20260310T115959Z" }],
  ["end after the report", { end_time: "20260310T120501Z", record_time: "20260310T130000Z" }],
])("%s is 011", async (_name, change) => {
  const box = await boxAt();
  expect((await push(box, rec(change))).code).toBe("MKT.0000");
  await box.settle();
  expect(states(box)).toEqual(["abnormal 011"]);
});

const opened = "2026-03-01T00:00:00Z";
test.each<[string, Partial<InstanceInput>, string]>([
  ["opened later", { opened: "2026-03-10T11:00:01Z" }, "abnormal 011"],
  ["opened at the begin", { opened: "2026-03-10T11:00:00.400Z" }, "normal"],
  ["closed before", { closed: "2026-03-10T11:59:59Z" }, "abnormal 011"],
  ["closed at the end", { closed: "2026-03-10T12:00:00Z" }, "normal"],
  ["frozen", { state: "frozen" }, "abnormal 013"],
  ["frozen within", { state: "frozen", frozen: "2026-03-10T11:30:00Z" }, "abnormal 013"],
  ["frozen afterwards", { state: "frozen", frozen: "2026-03-10T12:00:00Z" }, "normal"],
  ["delisted", { state: "delisted" }, "abnormal 006"],
  ["of another seller", { state: "foreign" }, "abnormal 009"],
  ["a package", { state: "package" }, "abnormal 012"],
  ["gone", { state: "gone" }, "abnormal 001"],
])("an instance %s", async (_name, change, state) => {
  const box = await boxAt(undefined, { instances: "known" });
  await box.setInstance("inst-1", { product: "P", opened, ...change });
  await push(box, rec());
  await box.settle();
  expect(states(box)).toEqual([state]);
});

test("with background checks a bad value is accepted and voided", async () => {
  const box = await boxAt(undefined, { checks: "background" });
  const reply = await push(
    box,
    rec({ begin_time: "11 o'clock" }),
    rec({ usage_value: "0" }),
    rec({ metering_sn: "" }),
    rec({ begin_time: "20260217T120459Z" }),
    rec(),
  );
  expect(reply.code).toBe("MKT.0000");
  await box.settle();
  const codes = ["abnormal 002", "abnormal 003", "abnormal 004", "abnormal 007", "normal"];
  expect(states(box)).toEqual(codes);
});

test("a market that forgets after an hour bills twice what is sent again later", async () => {
  const box = await boxAt(undefined, { dedupeWindowMs: 3_600_000 });
  const record = rec();
  await push(box, record);
  await box.setClock({ start: "2026-03-10T13:04:59Z", rate: 0 });
  await push(box, record);
  await box.setClock({ start: "2026-03-10T13:05:00Z", rate: 0 });
  await push(box, record);
  await box.settle();
  expect(states(box)).toEqual(["billed", "abnormal 005", "normal"]);
});
