import { expect, test } from "vitest";
import type { Sandbox } from "../src/koogallery/index.js";
import { escapeHtml } from "../src/koogallery/views/html.js";
import { boxAt, get, push, put, rec } from "./kit.js";

const read = async (box: Sandbox, path: string, headers: Record<string, string> = {}) =>
  (await fetch(box.url + path, { headers })).text();

async function filled(): Promise<Sandbox> {
  const box = await boxAt();
  await push(
    box,
    rec({ metering_sn: "a", usage_value: "0.1" }),
    rec({ metering_sn: "b", usage_value: "0.2", begin_time: "20260310T113000Z" }),
    rec({ metering_sn: "c", usage_value: "99999999.9999", instance_id: "inst-2" }),
    rec({ metering_sn: "d", usage_value: "0.0001", instance_id: "inst-2", begin_time: "20260310T100000Z" }),
    rec({ metering_sn: "e", usage_value: "5" }),
  );
  await box.settle();
  return box;
}

test("totals are exact, per instance and per hour, and leave void records out", async () => {
  const box = await filled();
  expect(await get(box, "/sandbox/totals?by=instance")).toEqual({
    by: "instance",
    totals: [
      { instance_id: "inst-1", usage: "0.3", records: 2, billed: 0 },
      { instance_id: "inst-2", usage: "100000000", records: 2, billed: 0 },
    ],
    total: { usage: "100000000.3", records: 4 },
    counts: { pending: 0, normal: 4, abnormal: 1, billed: 0 },
    complete: true,
  });
  const { totals } = await get(box, "/sandbox/totals?by=hour");
  expect(totals.map((row: any) => [row.hour, row.instance_id, row.usage])).toEqual([
    ["2026-03-10T10:00:00Z", "inst-2", "0.0001"],
    ["2026-03-10T11:00:00Z", "inst-1", "0.3"],
    ["2026-03-10T11:00:00Z", "inst-2", "99999999.9999"],
  ]);
});

test("the list comes in pages; only the last is complete", async () => {
  const box = await filled();
  const serials: string[] = [];
  let cursor = "0";
  for (let pages = 0; pages < 3; pages += 1) {
    const page = await get(box, `/sandbox/sdr?limit=2&cursor=${cursor}`);
    serials.push(...page.records.map((row: any) => row.metering_sn));
    expect(page).toMatchObject({ total: 5, complete: pages === 2 });
    cursor = page.nextCursor;
  }
  expect(serials).toEqual(["a", "b", "c", "d", "e"]);
  expect(cursor).toBeNull();
});

test("the list filters by state, instance and begin", async () => {
  const box = await filled();
  const serials = async (query: string) =>
    (await get(box, `/sandbox/sdr?${query}`)).records.map((row: any) => row.metering_sn);
  expect(await serials("state=abnormal")).toEqual(["e"]);
  expect(await serials("instance=inst-2")).toEqual(["c", "d"]);
  expect(await serials("sn=b")).toEqual(["b"]);
  expect(await serials("from=2026-03-10T10:00:00Z&to=2026-03-10T11:00:00Z")).toEqual(["d"]);
  expect((await fetch(`${box.url}/sandbox/sdr?state=lost`)).status).toBe(400);
});

test("a row shows all of a record", async () => {
  const box = await filled();
  await box.setClock({ start: "2026-03-10T12:15:00Z", rate: 0 });
  const { records } = await get(box, "/sandbox/sdr");
  expect(records[0]).toEqual({
    ...rec({ metering_sn: "a", usage_value: "0.1" }),
    relate_pkg_instance: null,
    received_at: "2026-03-10T12:05:00.000Z",
    state: "billed",
    error_code: null,
    error_msg: null,
    collected_at: "2026-03-10T12:15:00.000Z",
  });
  expect(records[4]).toMatchObject({ state: "abnormal", error_code: "010", error_msg: "duplicate SDR" });
});

test("NDJSON ends with its count", async () => {
  const lines = (await read(await filled(), "/sandbox/sdr?format=ndjson")).trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  expect(JSON.parse(lines[5] ?? "")).toEqual({ total: 5, complete: true, nextCursor: null });
});

test("CSV has field names, words on demand, a count at its end, and no live formulas", async () => {
  const box = await filled();
  await push(box, rec({ metering_sn: "=1+1", instance_id: "inst-3" }));
  const plain = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    await (await fetch(`${box.url}/sandbox/sdr?format=csv`)).arrayBuffer(),
  );
  const lines = plain.trimEnd().split("\r\n");
  expect(lines[0]).toMatch(/^\uFEFFmetering_sn,instance_id,relate_pkg_instance,begin_time/);
  expect(lines[1]).toMatch(/^a,inst-1,,20260310T110000Z,20260310T120000Z,0\.1,.*,normal,,,$/);
  expect(lines[6]).toMatch(/^'=1\+1,/);
  expect(lines[7]).toBe("#total,6,,,,,,,,,,");
  const chinese = await read(box, "/sandbox/sdr?format=csv&lang=zh&limit=1");
  expect(chinese).toContain("话单唯一标识,实例ID");
  expect(chinese).toContain(",正常,");
  expect(chinese.trimEnd().split("\r\n").at(-1)).toMatch(/^#more,6,/);
});

test("the page speaks Chinese and English and shows nothing unescaped", async () => {
  const box = await boxAt();
  const evil = `<img src=x onerror="a('&')">`;
  await push(box, rec({ instance_id: evil }));
  await box.settle();
  const english = await read(box, "/", { "accept-language": "en-GB,zh;q=0.5" });
  expect(english).toContain('<html lang="en">');
  expect(english).toContain("in 10 min 0 s");
  expect(english).not.toContain("<img");
  expect(english.split(escapeHtml(evil))).toHaveLength(3);
  expect(await read(box, "/?lang=zh", { "accept-language": "en" })).toContain("还有 10 分 0 秒");
  expect(await read(box, "/")).toContain("话单管理");
});

test("clock and instances are set over HTTP", async () => {
  const box = await boxAt();
  const at = new Date(Date.now() - 1000).toISOString();
  const clock = await put(box, "/sandbox/clock", { start: "2026-03-10T12:00:00Z", at, rate: 60 });
  const { product } = (await clock.json()) as { product: string };
  expect(Date.parse(product) - Date.parse("2026-03-10T12:01:00Z")).toBeGreaterThanOrEqual(0);
  expect((await put(box, "/sandbox/clock", { start: "noon" })).status).toBe(400);
  const instance = { product: "P", opened: "2026-03-01T00:00:00Z" };
  expect((await put(box, "/sandbox/instances/x%2Fy", instance)).status).toBe(200);
  expect(await get(box, "/sandbox/instances")).toEqual({
    instances: [{ instance_id: "x/y", ...instance, state: "normal", cycle: "hourly" }],
  });
});

test("calls are listed with their verdicts, newest first", async () => {
  const box = await boxAt();
  await push(box, rec());
  await push(box, rec({ usage_value: "0" }));
  const { calls } = await get(box, "/sandbox/calls?limit=5");
  expect(calls).toMatchObject([
    { call: 2, code: "MKT.0100", http: 500, detail: "usage_records[0].usage_value is not above 0" },
    { call: 1, code: "MKT.0000", http: 200, records: 1 },
  ]);
});
