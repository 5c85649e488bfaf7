import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addDecimals, HOUR, MINUTE, parseInstant } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { INSTANCES } from "../src/sample/catalog.js";
import { compare, grouped } from "../src/sample/compare.js";
import { openTruth, type Truth } from "../src/sample/truth.js";
import { usageBetween } from "../src/sample/usage.js";

const begin = parseInstant("2026-03-01T09:50:00Z")!;
const hour = begin - 50 * MINUTE;
let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "sample-"))));
afterEach(() => rmSync(dir, { recursive: true }));

/** Acknowledges all usage up to a time, like the generator: piece by piece. */
function sendTo(truth: Truth, to: number): void {
  for (let at = truth.sentTo(); at < to;) {
    const next = Math.min(at + 7 * MINUTE, to);
    truth.acknowledge(usageBetween(at, next), next);
    at = next;
  }
}

describe("the sample's usage", () => {
  it("is the same however time is cut, with ids of its own", () => {
    const whole = usageBetween(begin, begin + HOUR);
    const cut = Array.from({ length: 60 }, (_, at) =>
      usageBetween(begin + at * MINUTE, begin + (at + 1) * MINUTE),
    ).flat();
    expect(cut.map(({ input }) => input)).toEqual(whole.map(({ input }) => input));
    expect(new Set(whole.map(({ input }) => input.id)).size).toBe(whole.length);
    expect(new Set(whole.map(({ instance }) => instance)).size).toBe(INSTANCES.length);
  });
});

describe("the generator's own account", () => {
  it("counts each kind of meter by the events themselves", () => {
    const truth = openTruth(dir, begin);
    sendTo(truth, begin + HOUR);
    const events = usageBetween(begin, hour + HOUR);
    for (const { instanceId, meter } of INSTANCES) {
      const own = events
        .filter(({ instance }) => instance.instanceId === instanceId)
        .map(({ input }) => input);
      const quantities = own.map(({ quantity }) => String(quantity ?? "0"));
      const expected = {
        sum: () => addDecimals("0", ...quantities),
        count: () => String(own.length),
        unique: () => String(new Set(own.map(({ value }) => value)).size),
        max: () =>
          addDecimals(
            "0",
            quantities.reduce((a, b) => (Number(b) > Number(a) ? b : a), "0"),
          ),
      }[meter.aggregation]();
      const counted = truth.hour(hour).find((one) => one.instanceId === instanceId)?.quantity ?? "0";
      expect([instanceId, counted]).toEqual([instanceId, expected]);
    }
  });

  it("is the same after a restart, a kill in the middle of a line included", () => {
    const straight = openTruth(mkdtempSync(join(dir, "straight-")), begin);
    sendTo(straight, begin + 3 * HOUR);

    const first = openTruth(dir, begin);
    sendTo(first, begin + HOUR + 25 * MINUTE);
    first.save();
    appendFileSync(join(dir, "truth.ndjson"), '{"hour":"2026-03-01T10:00:00Z","inst');
    const second = openTruth(dir, begin + 2 * HOUR);
    expect(second.startedAt).toBe(begin);
    sendTo(second, begin + 3 * HOUR);
    expect([...second.totals()].sort()).toEqual([...straight.totals()].sort());
    expect(readFileSync(join(dir, "truth.ndjson"), "utf8")).toContain("sample-");
  });

  it("leaves out what was skipped, after a restart too", () => {
    const truth = openTruth(dir, begin);
    truth.skip(begin + 5 * HOUR);
    const again = openTruth(dir, begin + 5 * HOUR);
    sendTo(again, begin + 6 * HOUR);
    const events = again.hour(hour + 5 * HOUR).reduce((sum, one) => sum + one.events, 0);
    expect(events).toBe(usageBetween(begin + 5 * HOUR, hour + 6 * HOUR).length);
  });
});

describe("the comparison", () => {
  const [one, other] = INSTANCES.filter(({ meter }) => meter.code === "llm.tokens").map(
    (each) => each.instanceId,
  );

  it("does not let two differences cancel out", () => {
    const sent = new Map([
      [one!, "1.5"],
      [other!, "2.5"],
    ]);
    const billed = new Map([
      [one!, "2.5000"],
      [other!, "1.5000"],
    ]);
    const { meters, mismatches } = compare(sent, billed);
    expect(meters[0]).toMatchObject({ sent: "4", billed: "4" });
    expect(mismatches.map(({ instanceId }) => instanceId)).toEqual([one, other]);
    expect(compare(sent, sent).mismatches).toEqual([]);
  });

  it("groups only digits before the point", () => {
    expect([grouped("1234567.56789"), grouped("999"), grouped("1000")]).toEqual([
      "1,234,567.56789",
      "999",
      "1,000",
    ]);
  });
});
