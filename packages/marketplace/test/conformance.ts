import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  addDecimals,
  deadlinesOf,
  fitsRecord,
  HOUR,
  MINUTE,
  SECOND,
  serialNumber,
  type Micros,
} from "@quarterpast/domain";
import type { CallRecord, CallResult } from "../src/client.js";
import { resendOf, type WireRecordInput } from "../src/profile.js";
import type { OpenMarketplace } from "./open.js";

/** What a marketplace's real test server must be able to do for the suite. */
export interface ConformanceServer {
  /** The serial numbers it holds, with the wire text they arrived in. */
  filed(): ReadonlyMap<string, unknown>;
  /** Bodies of the calls it received, oldest first. */
  bodies(): readonly string[];
  /** Sets the answer to the next call. */
  next(
    behaviour:
      | "hang"
      | "accept_then_hang"
      | "accept_then_cut"
      | "accept_then_5xx"
      | "garbage"
      | "throttle"
      | "huge"
      | "redirect",
  ): void;
  /** Makes every call with this record fail as a whole. */
  poison(serialNumber: string): void;
  close: () => Promise<void>;
}

export interface ConformanceSetup {
  start(): Promise<{
    server: ConformanceServer;
    /** With short timeouts (total at most 1 s). */
    adapter: OpenMarketplace;
    /** The same, with a key unknown to the server. */
    stranger: OpenMarketplace;
    /** Its primary host refuses connections, its fallback is the server; absent if there is no fallback. */
    rerouted?: OpenMarketplace;
    /** A text that must not appear anywhere. */
    key: string;
  }>;
}

const HOUR_BEGIN: Micros = Date.UTC(2023, 10, 16, 18) * 1000;

/** In English and Chinese. (A bare pattern in `toMatchObject` would match anything.) */
const BOTH_LANGUAGES = { en: expect.stringMatching(/[a-z]/), zh: expect.stringMatching(/\p{Script=Han}/u) };

/** What any marketplace adapter must do, whatever its wire looks like. */
export function describeAdapter(name: string, setup: ConformanceSetup): void {
  describe(`${name} keeps to the marketplace port`, () => {
    let kit: Awaited<ReturnType<ConformanceSetup["start"]>>;
    let round = 0;
    beforeAll(async () => {
      kit = await setup.start();
    });
    afterAll(async () => {
      for (const adapter of [kit.adapter, kit.stranger, kit.rerouted]) await adapter?.close();
      await kit.server.close();
    });
    beforeEach(() => {
      round += 1;
    });

    const input = (index: number): WireRecordInput => {
      const [begin, end] = [HOUR_BEGIN, HOUR_BEGIN + HOUR];
      const instance = `instance-${round}-${index}`;
      return {
        instanceId: instance,
        serialNumber: serialNumber({ account: "a", instance, begin, end, part: "0" }),
        begin,
        end,
        recordTime: end + 3 * MINUTE,
        quantity: kit.adapter.limits.quantityDecimals > 0 ? "12.5" : "12",
        product: "product-1",
      };
    };
    const record = (index = 0): CallRecord => {
      const wire = input(index);
      return { serialNumber: wire.serialNumber, wire: kit.adapter.encodeRecord(wire) };
    };
    const submit = (...records: CallRecord[]): Promise<CallResult> => kit.adapter.submit({ records });

    test("tells its limits and rules as data that make sense", () => {
      const { limits, windows, retry, calls, hosts, wireVersion, wires, dedupe, slot, keySettings } =
        kit.adapter;
      const { statements, lists, tells } = kit.adapter;
      expect(wires.filter(({ version }) => version === wireVersion)).toHaveLength(1);
      // A record that nothing protects from being billed twice must not be resent blindly.
      if (dedupe === "none" || slot === "none")
        expect(resendOf(kit.adapter, wireVersion)).toBe("after_statement");
      // What is contested goes out again for a time only, if at all.
      for (const { resend, resendFor } of wires) {
        if (dedupe === "contested" && resend === "at_once") expect(resendFor).toBeGreaterThan(0);
        if (resend === "after_statement") expect(resendFor).toBeUndefined();
      }
      // A statement by day cannot say what became of a single record.
      if (resendOf(kit.adapter, wireVersion) === "after_statement") expect(statements.grain).toBe("record");
      expect(kit.adapter.statement !== undefined).toBe(statements.way === "api");
      if (statements.way === "file") expect(lists).toBeDefined();
      if (tells) expect(dedupe).toBe("proven");
      expect(calls.spacingMs).toBeGreaterThanOrEqual(0);
      expect(keySettings).toEqual(BOTH_LANGUAGES);
      const sizes = [
        limits.recordsPerCall,
        limits.serialNumberChars,
        limits.instanceIdChars,
        limits.callBytes,
      ];
      for (const value of [...sizes, calls.inFlight, calls.perSecond, wireVersion]) {
        expect(value).toBeGreaterThan(0);
      }
      for (const cycle of [windows.hourly, windows.daily ?? windows.hourly])
        expect(cycle.late).toBeGreaterThanOrEqual(cycle.window);
      const { expires, lateEnds } = deadlinesOf(windows, {
        ...{ dayOffset: 0, cycle: "hourly", hour: HOUR_BEGIN, begin: HOUR_BEGIN },
      });
      expect(expires).toBeGreaterThanOrEqual(lateEnds);
      expect(fitsRecord(limits.largestQuantity, limits)).toBe(true);
      expect(limits.shortestInterval).toBeGreaterThanOrEqual(SECOND);
      for (const backoff of [...Object.values(retry.backoff), retry.halt]) {
        expect(backoff.firstMs).toBeGreaterThan(0);
        expect(backoff.capMs).toBeGreaterThanOrEqual(backoff.firstMs);
      }
      expect([hosts.primary, ...hosts.fallback].every((host) => host.length > 0)).toBe(true);
    });

    test("gives the same wire text for the same record, and refuses what is out of its limits", () => {
      const wire = input(0);
      expect(kit.adapter.encodeRecord({ ...wire })).toBe(kit.adapter.encodeRecord(wire));
      const { limits } = kit.adapter;
      const wrong: Partial<WireRecordInput>[] = [
        ...(limits.filesZero ? [] : [{ quantity: "0" }]),
        { quantity: "-1" },
        { quantity: "1e3" },
        { quantity: `0.${"0".repeat(limits.quantityDecimals)}1` },
        { quantity: addDecimals(limits.largestQuantity, "1") },
        { serialNumber: "" },
        { serialNumber: "x".repeat(limits.serialNumberChars + 1) },
        { instanceId: "x".repeat(limits.instanceIdChars + 1) },
        { end: wire.begin },
        { begin: wire.begin + 1 },
        { recordTime: wire.end - 1 },
      ];
      for (const change of wrong) {
        expect(() => kit.adapter.encodeRecord({ ...wire, ...change }), inspect(change)).toThrow(RangeError);
      }
    });

    test("files a call, and tells the proof of it", async () => {
      const [first, second] = [record(0), record(1)];
      const result = await submit(first, second);
      expect(result).toMatchObject({ kind: "accepted", exceptions: [] });
      expect(result.evidence).toMatchObject({
        bytesSent: true,
        host: kit.adapter.hosts.primary,
        unmatched: [],
      });
      expect(result.evidence.sentSha256).toMatch(/^[0-9a-f]{64}$/);
      expect([first, second].every(({ serialNumber: sn }) => kit.server.filed().has(sn))).toBe(true);
    });

    test("a record's bytes are the same however its calls are cut", async () => {
      const records = [record(0), record(1), record(2)];
      await submit(...records);
      await submit(records[2]!, records[0]!);
      const [all, some] = kit.server.bodies().slice(-2) as [string, string];
      for (const { wire } of records) expect(all).toContain(wire);
      expect(some).toContain(records[2]!.wire);
      expect(some).not.toContain(records[1]!.wire);
    });

    test.each([
      "accept_then_hang",
      "accept_then_cut",
      "accept_then_5xx",
      "hang",
      "garbage",
      "huge",
      "redirect",
    ] as const)(
      "%s leaves a call unknown, and the same bytes are then recognised or taken",
      async (behaviour) => {
        const one = record(0);
        kit.server.next(behaviour);
        const lost = await submit(one);
        expect(lost).toMatchObject({ kind: "unknown", evidence: { bytesSent: true } });
        const again = await kit.adapter.submit({ records: [one], host: lost.evidence.host });
        expect(again.kind).toBe("accepted");
        expect(again.evidence.sentSha256).toBe(lost.evidence.sentSha256);
        const duplicates = again.kind === "accepted" ? again.exceptions : [];
        expect(duplicates).toHaveLength(behaviour.startsWith("accept") ? 1 : 0);
        for (const { outcome, code } of duplicates) {
          expect(outcome).toBe("duplicate");
          expect(kit.adapter.duplicateCodes).toContain(code);
        }
        expect(kit.server.filed().has(one.serialNumber)).toBe(true);
      },
    );

    test("what its profile says of a slot is so: it is filed once, whatever comes for it again", async () => {
      const { slot, dedupe } = kit.adapter;
      if (slot === "none" || dedupe === "none") return;
      const first = input(0);
      const frozen = (given: WireRecordInput): CallRecord => ({
        serialNumber: given.serialNumber,
        wire: kit.adapter.encodeRecord(given),
      });
      await submit(frozen(first));
      const before = kit.server.filed().size;
      const again = {
        ...first,
        quantity: "7",
        ...(slot === "hour" && { serialNumber: `b1${"0".repeat(48)}` }),
      };
      const result = await submit(frozen(again));
      expect(result).toMatchObject({ kind: "accepted", exceptions: [{ serialNumber: again.serialNumber }] });
      const [told] = result.kind === "accepted" ? result.exceptions : [];
      expect(told!.held).toBe(kit.adapter.tells ? first.quantity : undefined);
      expect(["duplicate", "conflict"]).toContain(told!.outcome);
      expect(kit.adapter.duplicateCodes).toContain(told!.code);
      expect(kit.server.filed().size).toBe(before);
    });

    test("a throttled call is surely not taken, and waits as long as it was asked to", async () => {
      kit.server.next("throttle");
      const result = await submit(record(0));
      expect(result).toMatchObject({ kind: "retry", retryAfterMs: 7000 });
    });

    test("one poison record is found by cutting the call", async () => {
      const records = Array.from({ length: 8 }, (_, index) => record(index));
      kit.server.poison(records[5]!.serialNumber);
      const refused: string[] = [];
      const file = async (part: CallRecord[]): Promise<void> => {
        const result = await submit(...part);
        if (result.kind === "accepted") return;
        if (result.kind !== "refused") throw new Error(`unexpected ${result.kind}`);
        if (!result.bisect) return void refused.push(part[0]!.serialNumber);
        const middle = Math.ceil(part.length / 2);
        await file(part.slice(0, middle));
        await file(part.slice(middle));
      };
      await file(records);
      expect(refused).toEqual([records[5]!.serialNumber]);
      const filed = records.filter(({ serialNumber: sn }) => kit.server.filed().has(sn));
      expect(filed).toHaveLength(7);
    });

    test("a call above the limit is to be split, and is not sent", async () => {
      const before = kit.server.bodies().length;
      const records = Array.from({ length: kit.adapter.limits.recordsPerCall + 1 }, (_, index) =>
        record(index),
      );
      expect(await submit(...records)).toMatchObject({ kind: "split", evidence: { bytesSent: false } });
      expect(kit.server.bodies()).toHaveLength(before);
    });

    test("a record frozen for a way that this adapter does not know, or has no key for, is not sent", async () => {
      const before = kit.server.bodies().length;
      const [known, foreign] = [record(0), { ...record(1), wireVersion: 32_000 }];
      const halted = { kind: "halt", alone: true, evidence: { bytesSent: false } };
      expect(await submit(foreign)).toMatchObject(halted);
      expect(await submit(known, foreign)).toMatchObject({ kind: "split", pieces: [1, 1] });
      expect(kit.server.bodies()).toHaveLength(before);
    });

    test("a call without records, or with one twice, is a mistake of the caller", async () => {
      await expect(submit()).rejects.toThrow(RangeError);
      await expect(submit(record(0), record(0))).rejects.toThrow(RangeError);
    });

    test("a wrong key halts the sending; the probe tells right from wrong and files nothing", async () => {
      const before = kit.server.filed().size;
      expect((await kit.stranger.submit({ records: [record(0)] })).kind).toBe("halt");
      expect(await kit.stranger.probe()).toMatchObject({ reachable: true, key: "wrong" });
      expect(await kit.adapter.probe()).toMatchObject({ reachable: true, key: "right", skewMs: 0 });
      expect(kit.server.filed().size).toBe(before);
    });

    test("the fallback host is for what never left; a record of a host stays with it", async () => {
      const nowhere = await kit.adapter.submit({ records: [record(2)], host: "gone.example" });
      expect(nowhere).toMatchObject({ kind: "halt", evidence: { bytesSent: false } });
      const { rerouted } = kit;
      expect(kit.adapter.hosts.fallback.length).toBe(0);
      if (rerouted === undefined) return;
      const one = record(0);
      const result = await rerouted.submit({ records: [one] });
      expect(result).toMatchObject({ kind: "accepted", evidence: { host: rerouted.hosts.fallback[0] } });
      expect(result.earlier).toMatchObject([{ host: rerouted.hosts.primary, bytesSent: false }]);
      const bound = await rerouted.submit({ records: [record(1)], host: rerouted.hosts.primary });
      expect(bound).toMatchObject({ kind: "retry", evidence: { bytesSent: false }, earlier: [] });
    });

    test("a call given up by its caller is unknown once sent, and not taken before", async () => {
      kit.server.next("hang");
      const sent = kit.adapter.submit({ records: [record(0)], signal: AbortSignal.timeout(100) });
      expect(await sent).toMatchObject({ kind: "unknown", code: "ABORTED", evidence: { bytesSent: true } });
      const unsent = await kit.adapter.submit({ records: [record(1)], signal: AbortSignal.abort() });
      expect(unsent).toMatchObject({ kind: "retry", code: "ABORTED", evidence: { bytesSent: false } });
    });

    test("every code it gives has a meaning in both languages", async () => {
      kit.server.next("throttle");
      const results = [await submit(record(0)), await kit.stranger.submit({ records: [record(1)] })];
      kit.server.next("accept_then_cut");
      results.push(await submit(record(2)));
      for (const result of results) {
        const code = result.kind === "accepted" ? "" : result.code;
        expect(kit.adapter.meaningOf(code), code).toEqual(BOTH_LANGUAGES);
      }
    });

    test("the key shows up in nothing that it gives", async () => {
      kit.server.next("garbage");
      const results = [
        await submit(record(0)),
        await kit.adapter.probe(),
        await kit.stranger.submit({ records: [record(1)] }),
      ];
      for (const shown of [kit.adapter, ...results]) {
        expect(inspect(shown, { depth: 10, showHidden: true })).not.toContain(kit.key);
        expect(JSON.stringify(shown)).not.toContain(kit.key);
      }
      for (const body of kit.server.bodies()) expect(body).not.toContain(kit.key);
    });
  });
}
