import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createUsageClient, RejectedEvent, SpoolError } from "../src/index.js";
import { settledLine } from "../src/spool/line.js";
import type { SendError, UsageClient, UsageClientOptions } from "../src/index.js";
import { rejecting, startStub, type CollectorStub } from "./collectorStub.js";

let dir: string;
const stops: (() => Promise<unknown>)[] = [];
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "quarterpast-spool-"))));
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(dir, { recursive: true, force: true });
});

async function stub(answer: Parameters<typeof startStub>[0]): Promise<CollectorStub> {
  const started = await startStub(answer);
  stops.push(() => started.stop());
  return started;
}

/** A client whose close hardly waits: what is not acknowledged stays on disk. */
function client(
  url: string,
  options: Partial<UsageClientOptions> = {},
): { made: UsageClient; heard: SendError[] } {
  const heard: SendError[] = [];
  const fixed = { url, apiKey: "qp_test", source: "svc", maxWaitMs: 2, retry: { firstMs: 5, maxMs: 20 } };
  const made = createUsageClient({
    ...fixed,
    spool: { dir },
    onRejected: (error) => heard.push(error),
    ...options,
  });
  stops.push(() => made.close(20).catch(() => undefined));
  return { made, heard };
}

const usage = (id: string) => ({
  id,
  subject: "customer-1",
  meter: "tokens",
  time: "2026-07-20T10:00:00Z",
  quantity: 1,
});
const files = () => readdirSync(dir).filter((name) => name !== "lock");
const onDisk = () =>
  files()
    .map((name) => readFileSync(join(dir, name), "utf8"))
    .join("");
const eventFile = () =>
  join(
    dir,
    files().find((name) => name.endsWith(".events"))!,
  );
const sentIds = ({ batches }: CollectorStub) => batches.flat().map(({ id }) => id);
const away = () => stub(() => ({ status: 503 }));

/** Leaves events on disk, like a process that ends without an answer. */
async function leave(...ids: string[]): Promise<void> {
  const { made } = client((await away()).url);
  for (const id of ids) await made.store(usage(id));
  await made.close(10);
}

describe("a spool", () => {
  it("has every event on disk before its first attempt, and not once it is acknowledged", async () => {
    const seen: boolean[] = [];
    const collector = await stub((events) => {
      seen.push(events.every(({ id }) => onDisk().includes(`"id":"${id}"`)));
      return {};
    });
    const { made } = client(collector.url);
    await Promise.all([made.store(usage("a")), made.record(usage("b")), made.send([usage("c"), usage("d")])]);
    await made.close();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain(false);
    expect(sentIds(collector).sort()).toEqual(["a", "b", "c", "d"]);
    expect(files()).toEqual([]);
  });

  it("resolves a store while the collector is away, and sends under the same id after a restart", async () => {
    const first = client((await away()).url).made;
    const { subject, meter, time } = usage("");
    const ids = [await first.store({ subject, meter, time }), await first.store(usage("own"))];
    await first.close(10);
    const collector = await stub(() => ({}));
    const second = client(collector.url);
    await second.made.flush();
    expect(sentIds(collector).sort()).toEqual(ids.sort());
    await second.made.close();
    const third = client((await stub(() => ({}))).url);
    await third.made.flush();
    expect(files()).toEqual([]);
    expect(second.heard).toEqual([]);
  });

  it("does not send again what was acknowledged, though its file is still there", async () => {
    const collector = await stub((events) =>
      events.some(({ id }) => id === "stays") ? { status: 503 } : {},
    );
    const { made } = client(collector.url, { maxBatch: 1, maxCalls: 4 });
    await made.store(usage("goes"));
    await made.flush();
    await made.store(usage("stays"));
    await made.close(30);
    const next = await stub(() => ({}));
    await client(next.url).made.flush();
    expect(sentIds(next)).toEqual(["stays"]);
  });

  it("is not fooled by a note that a kill left without its events", async () => {
    // The first file is named after number 1.
    writeFileSync(join(dir, `${"1".padStart(16, "0")}.settled`), settledLine([1]));
    await leave("one");
    const collector = await stub(() => ({}));
    const { made } = client(collector.url);
    await made.flush();
    await made.close();
    expect(sentIds(collector)).toEqual(["one"]);
    expect(files()).toEqual([]);
  });

  it("refuses with an error when it is full, and keeps all that it took", async () => {
    const { made } = client((await away()).url, { spool: { dir, maxBytes: 4_000 } });
    const taken: string[] = [];
    const refused: unknown[] = [];
    for (let no = 0; no < 60; no += 1) {
      const id = `e-${no}`;
      await made.store(usage(id)).then(
        () => taken.push(id),
        (error: unknown) => refused.push(error),
      );
    }
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.every((error) => error instanceof SpoolError && error.code === "full")).toBe(true);
    await made.close(10);
    const collector = await stub(() => ({}));
    const next = client(collector.url, { spool: { dir, maxBytes: 4_000 } }).made;
    await next.flush();
    expect(sentIds(collector).sort()).toEqual(taken.sort());
    // There is room again.
    for (let no = 0; no < 200; no += 1) await next.record(usage(`later-${no}`));
  });

  it("hands rejected events to the caller and takes them off the disk", async () => {
    const bad = { code: "quantity_invalid", field: "data.quantity", detail: "-1", retryable: false };
    const collector = await stub((events) => rejecting(events, ({ id }) => (id === "bad" ? bad : undefined)));
    const { made, heard } = client(collector.url);
    await Promise.all([made.store(usage("bad")), made.store(usage("good"))]);
    await made.close();
    expect(heard.map((error) => [error instanceof RejectedEvent, (error as RejectedEvent).event.id])).toEqual(
      [[true, "bad"]],
    );
    expect(files()).toEqual([]);
  });

  it("waits while the key is refused, and goes on when it is mended", async () => {
    let status = 401;
    const causes: unknown[] = [];
    const collector = await stub(() => (status === 401 ? { status, body: { code: "unauthorized" } } : {}));
    const { made, heard } = client(collector.url, { onRetry: (cause) => causes.push(cause) });
    await made.store(usage("a"));
    const recorded = made.record(usage("b"));
    while (causes.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    status = 202;
    await recorded;
    await made.close();
    expect({ heard, left: files() }).toEqual({ heard: [], left: [] });
  });

  it("shares flushes among those who store at once", async () => {
    const { made } = client((await away()).url);
    const begun = performance.now();
    await Promise.all(Array.from({ length: 2_000 }, (_, no) => made.store(usage(`e-${no}`))));
    // 2,000 separate flushes would take many seconds on any disk.
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(onDisk().split("\n").length - 1).toBe(2_000);
  });
});

describe("what an earlier process left", () => {
  it("is read up to a torn end, wherever that is", async () => {
    await leave("one", "two");
    const whole = readFileSync(eventFile());
    const firstLine = whole.indexOf("\n") + 1;
    const name = eventFile();
    for (const end of [firstLine, firstLine + 1, firstLine + 40, whole.length - 1]) {
      writeFileSync(name, whole);
      truncateSync(name, end);
      const collector = await stub(() => ({}));
      const { made, heard } = client(collector.url);
      await made.close();
      expect({ end, ids: sentIds(collector), heard }).toEqual({ end, ids: ["one"], heard: [] });
    }
    writeFileSync(name, whole);
    appendFileSync(name, Buffer.alloc(4_096));
    const collector = await stub(() => ({}));
    await client(collector.url).made.close();
    expect(sentIds(collector)).toEqual(["one", "two"]);
  });

  it("is reported if it is damaged, and kept for a person", async () => {
    await leave("one", "two", "three");
    const bytes = readFileSync(eventFile());
    bytes[bytes.indexOf("two")]! ^= 1;
    writeFileSync(eventFile(), bytes);
    const collector = await stub(() => ({}));
    const { made, heard } = client(collector.url);
    await made.close();
    expect(sentIds(collector)).toEqual(["one", "three"]);
    expect(heard).toMatchObject([{ name: "SpoolError", code: "damaged" }]);
    expect(files()).toEqual([expect.stringMatching(/\.damaged$/)]);
  });
});

describe("the folder", () => {
  it("belongs to one process, and is taken over from one that is gone", async () => {
    const { made } = client("http://127.0.0.1:1");
    const again = () =>
      createUsageClient({
        ...{ url: "http://x", apiKey: "k", source: "s" },
        spool: { dir },
        onRejected: () => {},
      });
    expect(again).toThrow(expect.objectContaining({ code: "in_use" }) as Error);
    await made.close(0);
    writeFileSync(join(dir, "lock"), "1 0");
    await again().close();
    const init = readFileSync("/proc/1/stat", "utf8").split(") ")[1]!.split(" ")[19];
    writeFileSync(join(dir, "lock"), `1 ${init}`);
    expect(again).toThrow(/process 1/);
  });

  it("is asked for with onRejected and without an end of retries", () => {
    const fixed = { url: "http://x", apiKey: "k", source: "s", spool: { dir } };
    expect(() => createUsageClient(fixed)).toThrow(/onRejected/);
    expect(() => createUsageClient({ ...fixed, onRejected: () => {}, retry: { forMs: 1 } })).toThrow(/forMs/);
  });

  it("that cannot be used is an error at once", () => {
    writeFileSync(join(dir, "file"), "");
    const make = () => client("http://x", { spool: { dir: join(dir, "file") } });
    expect(make).toThrow(expect.objectContaining({ code: "failed" }) as Error);
  });
});
