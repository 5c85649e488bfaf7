import { expect, test } from "vitest";
import type { FaultInput, Sandbox } from "../src/koogallery/index.js";
import { boxAt, get, KEY, PATH, push, put, rec, send, sign, states } from "./kit.js";

async function boxWith(...rules: FaultInput[]): Promise<Sandbox> {
  const box = await boxAt();
  box.setFaults(rules);
  return box;
}

test("down: the socket ends, nothing is stored, the next call goes", async () => {
  const box = await boxWith({ mode: "down", times: 1 });
  await expect(push(box, rec())).rejects.toThrow();
  expect(box.store.records()).toEqual([]);
  expect((await push(box, rec())).code).toBe("MKT.0000");
  expect(box.store.calls()).toMatchObject([{ code: "MKT.0000" }, { code: "-", fault: "down" }]);
});

test("slow: the answer comes later", async () => {
  const box = await boxWith({ mode: "slow", afterMs: 300 });
  const started = performance.now();
  expect((await push(box, rec())).code).toBe("MKT.0000");
  expect(performance.now() - started).toBeGreaterThan(290);
});

test("drip: the answer comes byte by byte, padded where asked", async () => {
  const box = await boxWith({ mode: "drip", afterMs: 5, times: 1 }, { mode: "drip", afterMs: 0, size: 5000 });
  const started = performance.now();
  expect((await push(box, rec())).code).toBe("MKT.0000");
  expect(performance.now() - started).toBeGreaterThan(200);
  expect((await push(box, rec())).text).toHaveLength(5000);
});

test("error5xx: HTML of a gateway, nothing stored", async () => {
  const box = await boxWith({ mode: "error5xx", status: 502 });
  const reply = await push(box, rec());
  expect(reply).toMatchObject({ status: 502, json: null });
  expect(reply.headers.get("content-type")).toContain("text/html");
  expect(box.store.records()).toEqual([]);
});

test("accept_then_timeout: stored, cut after a while, and the same again is 005", async () => {
  const box = await boxWith({ mode: "accept_then_timeout", afterMs: 100, times: 1 });
  const record = rec();
  await expect(push(box, record)).rejects.toThrow();
  expect((await push(box, record)).code).toBe("MKT.0000");
  await box.settle();
  expect(states(box)).toEqual(["normal", "abnormal 005"]);
});

test("accept_then_timeout without a cut: closing the sandbox ends the call", async () => {
  const box = await boxWith({ mode: "accept_then_timeout" });
  const call = push(box, rec()).catch((error: unknown) => error);
  await expect.poll(() => box.store.records().length).toBe(1);
  await box.close();
  expect(await call).toBeInstanceOf(Error);
});

test("accept_then_5xx: stored; a call that is refused anyway is refused", async () => {
  const box = await boxWith({ mode: "accept_then_5xx" });
  expect(await push(box, rec())).toMatchObject({ status: 502, json: null });
  expect(await push(box, rec({ usage_value: "0" }))).toMatchObject({ status: 500, code: "MKT.0100" });
  expect(box.store.records()).toHaveLength(1);
});

test("throttled: by the gateway and by the marketplace, with Retry-After", async () => {
  const box = await boxWith(
    { mode: "throttled", times: 1, retryAfter: 7 },
    { mode: "throttled", style: "market" },
  );
  const gateway = await push(box, rec());
  expect(gateway).toMatchObject({ status: 429, code: "APIGW.0308" });
  expect(gateway.headers.get("retry-after")).toBe("7");
  expect(await push(box, rec())).toMatchObject({ status: 406, code: "MKT.0250" });
  expect(box.store.records()).toEqual([]);
});

test("abnormal_sync: all or a share is reported void in the reply, and is", async () => {
  const box = await boxWith({ mode: "abnormal_sync", code: "013" });
  const reply = await push(box, rec({ metering_sn: "a" }));
  const listed = [{ metering_sn: "a", error_code: "013", error_msg: expect.any(String) }];
  expect(reply.json).toMatchObject({
    error_code: "MKT.0000",
    AbnormalUsageDataInfo: { abnormal_usage_data: listed },
  });
  await box.settle();
  expect(states(box)).toEqual(["abnormal 013"]);
});

const hundred = () =>
  Array.from({ length: 100 }, (_, i) => rec({ instance_id: `i${i}`, metering_sn: `s${i}` }));
const listedOf = (reply: { json: any }): string[] =>
  reply.json.AbnormalUsageDataInfo.abnormal_usage_data.map((row: { metering_sn: string }) => row.metering_sn);

test("partial: some are stored, the others listed; the seed decides which", async () => {
  const runs = [];
  for (const seed of [5, 5, 6]) {
    const box = await boxWith({ mode: "partial", seed });
    const listed = listedOf(await push(box, ...hundred()));
    const stored = box.store.records().map((row) => row.metering_sn);
    expect([...listed, ...stored].sort()).toEqual(
      hundred()
        .map((row) => row["metering_sn"])
        .sort(),
    );
    expect(listed.length).toBeGreaterThan(25);
    runs.push(listed);
  }
  expect(runs[0]).toEqual(runs[1]);
  expect(runs[0]).not.toEqual(runs[2]);
});

test("partial: listed rows can be shuffled, doubled, and one left out", async () => {
  const box = await boxWith(
    { mode: "partial", share: 1, rows: "shuffle", times: 1 },
    { mode: "partial", share: 1, rows: "duplicate", times: 1 },
    { mode: "partial", share: 1, rows: "omit", times: 1 },
  );
  const sent = hundred().map((row) => row["metering_sn"]);
  const shuffled = listedOf(await push(box, ...hundred()));
  expect(shuffled).not.toEqual(sent);
  expect(shuffled.sort()).toEqual([...sent].sort());
  expect(listedOf(await push(box, ...hundred()))).toEqual([...sent, ...sent]);
  expect(listedOf(await push(box, ...hundred()))).toEqual(sent.slice(1));
});

test.each([
  ["html", false],
  ["invalid_json", false],
  ["empty", true],
] as const)("garbage: 200 with %s, accepted: %s", async (style, accepted) => {
  const box = await boxWith({ mode: "garbage", style, accepted });
  expect(await push(box, rec())).toMatchObject({ status: 200, json: null });
  expect(box.store.records()).toHaveLength(accepted ? 1 : 0);
});

test("unknown_code: an unknown code, or one of the table", async () => {
  const box = await boxWith(
    { mode: "unknown_code", times: 1 },
    { mode: "unknown_code", code: "MKT.0151", status: 401, accepted: true },
  );
  expect(await push(box, rec())).toMatchObject({ status: 200, code: "MKT.7777" });
  expect(await push(box, rec())).toMatchObject({ status: 401, code: "MKT.0151" });
  expect(box.store.records()).toHaveLength(1);
});

test("forget: accepted, and nowhere", async () => {
  const box = await boxWith({ mode: "forget" });
  expect((await push(box, rec())).code).toBe("MKT.0000");
  expect(box.store.records()).toEqual([]);
  expect(box.store.calls()).toMatchObject([{ fault: "forget", records: 1 }]);
});

test("invent: a valid record that was never sent", async () => {
  const box = await boxWith({ mode: "invent" });
  await push(box, rec({ metering_sn: "mine" }));
  await box.settle();
  expect(states(box)).toEqual(["normal", "normal"]);
  expect(box.store.records()[1]?.metering_sn).toMatch(/^invented-/);
});

test("redirect: elsewhere", async () => {
  const box = await boxWith({ mode: "redirect", location: "https://example.invalid/" });
  const reply = await push(box, rec());
  expect(reply.status).toBe(307);
  expect(reply.headers.get("location")).toBe("https://example.invalid/");
});

test("skew: the server's clock is off, in its Date and in what it calls fresh", async () => {
  const box = await boxWith({ mode: "skew", seconds: -1200 });
  const reply = await push(box, rec());
  expect(reply).toMatchObject({ status: 400, code: "MKT.0102" });
  const server = Date.parse(reply.headers.get("date") ?? "");
  expect(Math.abs(server + 1_200_000 - Date.now())).toBeLessThan(5000);
  const body = JSON.stringify({ usage_records: [rec()] });
  expect((await send(box, body, { ts: String(server) })).code).toBe("MKT.0000");
});

test("rules choose calls by number, by turn, by chance and by product time", async () => {
  const box = await boxAt();
  const run = async (rule: FaultInput) => {
    box.setFaults([rule]);
    const hits: number[] = [];
    for (let call = 1; call <= 8; call += 1) if ((await push(box, rec())).status !== 200) hits.push(call);
    return hits;
  };
  const mode = "error5xx";
  expect(await run({ mode, calls: [2, 5] })).toEqual([2, 5]);
  expect(await run({ mode, every: 3 })).toEqual([3, 6]);
  expect(await run({ mode, times: 2 })).toEqual([1, 2]);
  expect(await run({ mode, from: "2026-03-10T12:06:00Z" })).toEqual([]);
  expect(await run({ mode, until: "2026-03-10T12:06:00Z", times: 1 })).toEqual([1]);
  const drawn = await run({ mode, probability: 0.5, seed: 42 });
  expect(await run({ mode, probability: 0.5, seed: 42 })).toEqual(drawn);
  expect(drawn.length).toBeGreaterThan(0);
  expect(drawn.length).toBeLessThan(8);
});

test("faults are set and ended over HTTP; a wrong rule is named", async () => {
  const box = await boxAt();
  expect((await put(box, "/sandbox/faults", { mode: "error5xx" })).status).toBe(200);
  expect((await push(box, rec())).status).toBe(503);
  expect(await get(box, "/sandbox/faults")).toMatchObject({ faults: [{ mode: "error5xx", hits: 1 }] });
  await get(box, "/sandbox/faults", { method: "DELETE" });
  expect((await push(box, rec())).status).toBe(200);
  const wrong = await put(box, "/sandbox/faults", [{ mode: "sleepy" }]);
  expect(wrong.status).toBe(400);
  expect(await wrong.text()).toContain("mode");
});

test("a call answered by a fault does not use its nonce up", async () => {
  const box = await boxWith({ mode: "error5xx", times: 1 });
  const body = JSON.stringify({ usage_records: [rec()] });
  const [ts, nonce] = [String(Date.now()), "once"];
  const headers = { "content-type": "application/json", ts, nonce, signature: sign(body, ts, nonce, KEY) };
  const post = () => fetch(box.url + PATH, { method: "POST", body, headers });
  expect((await post()).status).toBe(503);
  expect((await post()).status).toBe(200);
});
