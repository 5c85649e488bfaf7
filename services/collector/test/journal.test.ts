import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { markOf } from "@quarterpast/runtime";
import { openJournal, type Journal, type JournalOptions } from "../src/journal/journal.js";
import type { Place } from "../src/journal/segment.js";
import { logger, nowMicros, temporaryDir, until } from "./kit.js";

const RECEIVED = 1_700_000_000_000_000;

describe("the journal", () => {
  let folder: ReturnType<typeof temporaryDir>;
  let open: Journal[] = [];
  beforeEach(() => {
    folder = temporaryDir();
    open = [];
  });
  afterEach(async () => {
    for (const journal of open) await journal.close();
    folder.remove();
  });

  async function start(more: Partial<JournalOptions> = {}): Promise<Journal> {
    const journal = await openJournal({ dir: folder.dir, logger, keepHours: 48, real: nowMicros, ...more });
    open.push(journal);
    return journal;
  }

  async function restart(more: Partial<JournalOptions> = {}): Promise<Journal> {
    await open.pop()?.close();
    return start(more);
  }

  const append = (journal: Journal, text: string) =>
    journal.append(journal.reserve(), RECEIVED, Buffer.from(text));

  async function texts(journal: Journal): Promise<string[]> {
    return Promise.all(journal.recovered.map(async ({ place }) => (await journal.read(place)).toString()));
  }

  const files = (suffix = ".journal") =>
    readdirSync(folder.dir)
      .filter((name) => name.endsWith(suffix))
      .sort()
      .map((name) => join(folder.dir, name));

  it("gives back after a restart what was appended, in order, under the same name", async () => {
    const first = await start();
    await Promise.all(["a", "b", "ü"].map((text) => append(first, text)));
    const second = await restart();
    expect(await texts(second)).toEqual(["a", "b", "ü"]);
    expect(second.recovered.map(({ received }) => received)).toEqual([RECEIVED, RECEIVED, RECEIVED]);
    expect(second.collector).toBe(first.collector);
  });

  it("never gives out a number twice, not even those that were reserved and never written", async () => {
    const first = await start();
    await append(first, "a");
    const lost = Math.max(...Array.from({ length: 64 }, () => first.reserve()));
    const second = await restart();
    expect(second.reserve()).toBeGreaterThan(lost);
    const third = await restart();
    expect(third.reserve()).toBeGreaterThan(lost + 1);
  });

  it("keeps the numbers ascending where all segments with entries are gone", async () => {
    const first = await start({ keepHours: 0 });
    const seq = first.reserve();
    first.settle(await first.append(seq, RECEIVED, Buffer.from("a")));
    const second = await restart({ keepHours: 0, real: () => nowMicros() + 1_000_000 });
    second.settle(second.recovered[0]!.place);
    await second.reclaim();
    expect(files(".done")).toEqual([]);
    expect((await restart()).reserve()).toBeGreaterThan(seq);
  });

  it("cuts off a torn tail", async () => {
    const first = await start();
    await append(first, "whole");
    await append(first, "torn");
    await open.pop()!.close();
    const [file] = files();
    truncateSync(file!, statSync(file!).size - 2);
    expect(await texts(await start())).toEqual(["whole"]);
    expect(await texts(await restart())).toEqual(["whole"]);
  });

  it("cuts off junk behind the last entry", async () => {
    await append(await start(), "whole");
    await open.pop()!.close();
    const size = statSync(files()[0]!).size;
    appendFileSync(files()[0]!, Buffer.alloc(5_000));
    expect(await texts(await start())).toEqual(["whole"]);
    expect(statSync(files()[0]!).size).toBe(size);
  });

  it("passes over damage in the middle and goes on behind it", async () => {
    const first = await start();
    for (const text of ["one", "QPJ1 two", "three"]) await append(first, text);
    await open.pop()!.close();
    const bytes = readFileSync(files()[0]!);
    bytes[bytes.indexOf("two")]! ^= 1;
    writeFileSync(files()[0]!, bytes);
    expect(await texts(await start())).toEqual(["one", "three"]);
  });

  it("finds the rest wherever one byte of the first entry is flipped", async () => {
    const first = await start();
    for (const text of ["entry-a", "second"]) await append(first, text);
    await open.pop()!.close();
    const good = readFileSync(files()[0]!);
    const from = good.indexOf("QPJ1", 4_096);
    expect(good.indexOf("entry-a")).toBeGreaterThan(from);
    for (let at = from; at < good.indexOf("entry-a") + 7; at += 1) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 0x40;
      writeFileSync(files()[0]!, bytes);
      expect(await texts(await restart())).toEqual(["second"]);
      await open.pop()!.close();
      for (const file of files().slice(1)) rmSync(file);
    }
  });

  it("flushes all entries that wait by one fsync, and resolves none before it", async () => {
    let syncs = 0;
    let hold: Promise<void> = Promise.resolve();
    const journal = await start({
      sync: async (handle) => {
        syncs += 1;
        await hold;
        await handle.datasync();
      },
    });
    let release = () => {};
    hold = new Promise((resolve) => (release = resolve));
    const before = syncs;
    let done = 0;
    const all = Array.from({ length: 20 }, (_, at) => append(journal, String(at)).then(() => (done += 1)));
    await delay(50);
    expect(done).toBe(0);
    release();
    await Promise.all(all);
    expect(syncs - before).toBeLessThanOrEqual(2);
  });

  it("reports a disk that fails, keeps the closed segment, and recovers", async () => {
    let fault: Error | undefined;
    const sync: JournalOptions["sync"] = async (handle) => {
      if (fault) throw fault;
      await handle.datasync();
    };
    const journal = await start({ sync });
    await append(journal, "before");
    fault = new Error("ENOSPC: no space left on device");
    await expect(append(journal, "during")).rejects.toThrow("ENOSPC");
    expect(journal.problem()).toContain("ENOSPC");
    await expect(append(journal, "still")).rejects.toThrow("ENOSPC");
    fault = undefined;
    await until(() => journal.problem() === undefined, 3_000);
    await append(journal, "after");
    const found = await texts(await restart());
    expect(found).toContain("before");
    expect(found).toContain("after");
    expect(found).not.toContain("still");
  });

  it("opens a new segment when one is full, and reclaims those that are receipted and old", async () => {
    const journal = await start({ segmentBytes: 5_000, keepHours: 1 });
    const places: Place[] = [];
    for (let at = 0; at < 6; at += 1) places.push(await append(journal, "x".repeat(600)));
    expect(files().length).toBeGreaterThan(1);
    await journal.reclaim();
    expect(files(".done")).toEqual([]);
    const ofFirst = places.filter(({ segment }) => segment === places[0]!.segment);
    expect(ofFirst.length).toBeGreaterThan(1);
    for (const place of ofFirst.slice(1)) journal.settle(place);
    await journal.reclaim();
    expect(files(".done")).toEqual([]);
    journal.settle(ofFirst[0]!);
    await journal.reclaim();
    const [done, ...others] = files(".done");
    expect(others).toEqual([]);
    const old = Date.now() / 1_000 - 2 * 3_600;
    utimesSync(done!, old, old);
    await journal.reclaim();
    expect(files(".done")).toEqual([]);
    expect(files().length).toBeGreaterThan(1);
  });

  it("closes an idle segment by its age, and reclaims it as any other", async () => {
    let passed = 0;
    const journal = await start({ keepHours: 2, real: () => nowMicros() + passed });
    const place = await append(journal, "the last one for long");
    journal.settle(place);
    await journal.reclaim();
    expect(files(".done")).toEqual([]);
    passed = 3_601 * 1_000_000;
    const closing = journal.reclaim();
    await Promise.all([closing, append(journal, "just then")]);
    expect(files(".done")).toHaveLength(1);
    passed += 3 * 3_600 * 1_000_000;
    await journal.reclaim();
    expect(files(".done")).toEqual([]);
    expect(await texts(await restart())).toEqual(["just then"]);
  });

  it("does not read again at start what was done", async () => {
    const journal = await start({ segmentBytes: 4_096 });
    journal.settle(await append(journal, "done"));
    await append(journal, "waits");
    await journal.reclaim();
    expect(files(".done").length).toBe(1);
    expect(await texts(await restart())).toEqual(["waits"]);
  });

  it("belongs to only one collector", async () => {
    await start();
    await expect(start()).rejects.toThrow(/in use/);
    await open.pop()!.close();
    writeFileSync(join(folder.dir, "lock"), JSON.stringify(markOf(process.ppid)));
    await expect(start()).rejects.toThrow(new RegExp(`in use by process ${process.ppid}`));
    writeFileSync(join(folder.dir, "lock"), JSON.stringify({ pid: 4_194_304, start: "1" }));
    await start();
  });
});
