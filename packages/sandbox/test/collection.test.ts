import { appendFile, readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { nextCollection } from "../src/koogallery/collection.js";
import { createSandbox } from "../src/koogallery/index.js";
import { boxAt, folder, KEY, push, rec, states } from "./kit.js";

const iso = (text: string, cycle: "hourly" | "daily") =>
  new Date(nextCollection(Date.parse(text), cycle)).toISOString().slice(0, 16);

test("collections are at minute 15, and at 01:00 in Beijing", () => {
  expect(iso("2026-03-10T12:14:59.999Z", "hourly")).toBe("2026-03-10T12:15");
  expect(iso("2026-03-10T12:15:00Z", "hourly")).toBe("2026-03-10T13:15");
  expect(iso("2026-03-10T16:59:59Z", "daily")).toBe("2026-03-10T17:00");
  expect(iso("2026-03-10T17:00:00Z", "daily")).toBe("2026-03-11T17:00");
});

test("minute 15 bills what came before it; what comes later waits for the next", async () => {
  const box = await boxAt("2026-03-10T12:14:59.999Z", { validationDelayMs: 60_000 });
  await push(box, rec({ instance_id: "in-time" }));
  await box.setClock({ start: "2026-03-10T12:15:00Z", rate: 0 });
  await push(box, rec({ instance_id: "late" }));
  await box.settle();
  expect(states(box)).toEqual(["billed", "normal"]);
  await box.setClock({ start: "2026-03-10T15:40:00Z", rate: 0 });
  expect(box.store.records().map((row) => row.collected_at)).toEqual([
    "2026-03-10T12:15:00.000Z",
    "2026-03-10T13:15:00.000Z",
  ]);
});

test("what is collected stays, and stays first", async () => {
  const box = await boxAt();
  await push(box, rec({ usage_value: "1" }));
  await box.setClock({ start: "2026-03-10T12:15:00Z", rate: 0 });
  await push(box, rec({ usage_value: "2" }));
  await box.settle();
  expect(states(box)).toEqual(["billed", "abnormal 010"]);
});

test("an instance with a daily cycle is collected at 17:00 UTC", async () => {
  const box = await boxAt();
  await box.setInstance("inst-1", { product: "P", opened: "2026-03-01T00:00:00Z", cycle: "daily" });
  await push(box, rec());
  await box.setClock({ start: "2026-03-10T16:59:59Z", rate: 0 });
  expect(states(box)).toEqual(["normal"]);
  await box.setClock({ start: "2026-03-10T17:00:00Z", rate: 0 });
  expect(box.store.records()).toMatchObject([{ state: "billed", collected_at: "2026-03-10T17:00:00.000Z" }]);
});

test("a clock that runs fast comes to the collection by itself", async () => {
  const box = await boxAt();
  await push(box, rec());
  await box.setClock({ start: "2026-03-10T12:14:00Z", rate: 600 });
  await expect.poll(() => states(box), { timeout: 3000 }).toEqual(["billed"]);
});

test("before its real moment the clock stands", async () => {
  const box = await boxAt();
  const at = new Date(Date.now() + 60_000).toISOString();
  const view = await box.setClock({ start: "2026-03-10T12:00:00Z", at, rate: 60 });
  expect(view.product).toBe("2026-03-10T12:00:00.000Z");
});

test("a restart finds the same records, verdicts, clock and instances", async () => {
  const dataDir = await folder();
  const options = { key: KEY, dataDir, validationDelayMs: 0, instances: "known" as const };
  const first = await createSandbox(options);
  await first.setClock({ start: "2026-03-10T12:05:00Z", rate: 0 });
  await first.setInstance("inst-1", { product: "P", opened: "2026-03-01T00:00:00Z" });
  const record = rec({ metering_sn: "kept" });
  await push(first, record, rec());
  await first.setClock({ start: "2026-03-10T12:15:00Z", rate: 0 });
  first.setFaults([{ mode: "abnormal", afterMs: 60_000 }]);
  await push(first, rec({ begin_time: "20260310T113000Z" }));
  const before = first.store.records();
  expect(before.map((row) => row.state)).toEqual(["billed", "abnormal", "pending"]);
  await first.close();
  await appendFile(first.store.path, '{"kind":"call","call":9,"rec');

  const second = await createSandbox({ ...options, port: first.port });
  try {
    expect(second.store.records()).toEqual(before);
    expect(second.clock().product).toBe("2026-03-10T12:15:00.000Z");
    await push(second, record);
    await second.settle();
    expect(states(second)).toEqual(["billed", "abnormal 010", "abnormal 003", "abnormal 005"]);
  } finally {
    await second.close();
  }
  const third = await createSandbox(options);
  expect(states(third)).toEqual(["billed", "abnormal 010", "abnormal 003", "abnormal 005"]);
  await third.close();
});

test("a store with a broken line in the middle is refused, and the line named", async () => {
  const dataDir = await folder();
  const box = await createSandbox({ key: KEY, dataDir });
  await box.setInstance("a", { product: "P", opened: "2026-03-01T00:00:00Z" });
  await box.close();
  const text = await readFile(box.store.path, "utf8");
  await writeFile(box.store.path, `${text.replace('"kind":"instance"', '"kind"')}${text}`);
  await expect(createSandbox({ key: KEY, dataDir })).rejects.toThrow(/line 2 is broken/);
});

test("the store holds what was received, with its digest, before the reply", async () => {
  const box = await boxAt();
  await push(box, rec({ metering_sn: "raw" }));
  const lines = (await readFile(box.store.path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const call = lines.find((line) => line.kind === "call");
  expect(call).toMatchObject({ code: "MKT.0000", first: 1, records: [{ metering_sn: "raw" }] });
  expect(call.sha256).toMatch(/^[0-9a-f]{64}$/);
});
