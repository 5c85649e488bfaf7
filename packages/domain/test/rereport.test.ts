import { describe, expect, test } from "vitest";
import {
  HOUR,
  MINUTE,
  parseInstant,
  rereportProblem,
  SECOND,
  type Refiled,
  type RereportContext,
} from "../src/index.js";

const H = parseInstant("2026-03-01T10:00:00Z")!;
const refiled = (state: Refiled["state"], change: Partial<Refiled> = {}): Refiled => ({
  ...{ state, code: null, mayHaveBeenTaken: false },
  ...change,
});
const problem = (first: Refiled, change: Partial<RereportContext> = {}) =>
  rereportProblem({
    ...{ records: [first], interval: undefined, begin: H, life: { opened: H - HOUR }, taken: [] },
    ...{ now: H + 3 * HOUR, notBefore: H - 20 * 24 * HOUR, duplicateCodes: ["005", "010"] },
    ...change,
  });
const another = { interval: { begin: H + MINUTE, end: H + 2 * MINUTE } };

describe("a record is filed again", () => {
  test.each(["abnormal", "conflict", "rejected_fixable", "rejected_final"] as const)(
    "in its interval where it is %s: first-wins forbids a double",
    (state) => expect(problem(refiled(state))).toBeUndefined(),
  );

  test.each([
    "frozen",
    "sent",
    "unknown",
    "accepted",
    "duplicate",
    "expired",
    "billed",
    "missing",
    "replaced",
  ] as const)("never where it is %s", (state) =>
    expect([problem(refiled(state)), problem(refiled(state), another)]).not.toContain(undefined),
  );

  test("in another interval only where it, and all that it replaced, are shown to be void", () => {
    const duplicate = refiled("abnormal", { code: "010" });
    const doubtful = refiled("rejected_final", { mayHaveBeenTaken: true });
    expect(problem(refiled("abnormal", { code: "011" }), another)).toBeUndefined();
    expect(problem(refiled("rejected_fixable"), another)).toBeUndefined();
    for (const one of [duplicate, doubtful, refiled("conflict")]) expect(problem(one, another)).toBeDefined();
    const behind = (replaced: Refiled) =>
      problem(refiled("abnormal", { code: "003" }), {
        ...another,
        records: [refiled("abnormal", { code: "003" }), replaced],
      });
    expect(behind(refiled("abnormal"))).toBeUndefined();
    for (const one of [duplicate, doubtful, refiled("conflict")]) expect(behind(one)).toBeDefined();
  });

  test.each([
    ["outside of its life", { begin: H - 2 * HOUR, end: H - HOUR }],
    ["over two hours", { begin: H + 50 * MINUTE, end: H + 70 * MINUTE }],
    ["in fractions of a second", { begin: H + 1, end: H + SECOND }],
    ["backwards", { begin: H + MINUTE, end: H }],
    ["in the future", { begin: H + 3 * HOUR, end: H + 4 * HOUR }],
    ["where another record lies", { begin: H + 30 * MINUTE, end: H + 31 * MINUTE }],
    [
      "older than the marketplace takes",
      { begin: H - 20 * 24 * HOUR - SECOND, end: H - 20 * 24 * HOUR + MINUTE },
    ],
  ])("but not %s", (_, interval) => {
    const taken = [{ begin: H + 30 * MINUTE, end: H + HOUR }];
    expect(problem(refiled("abnormal"), { interval, taken })).toBeDefined();
  });
});
