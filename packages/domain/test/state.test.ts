import { describe, expect, test } from "vitest";
import {
  OUTCOMES,
  RECORD_HAPPENINGS,
  RECORD_STATES,
  STATE_GROUPS,
  statesAllowing,
  transition,
  TRANSITIONS,
  type RecordHappening,
  type RecordState,
} from "../src/billing/state.js";
import { fc } from "./property.js";

const arrows = RECORD_STATES.flatMap((from) =>
  RECORD_HAPPENINGS.flatMap((happening) => {
    const to = transition(from, happening);
    return to === null ? [] : [{ from, happening, to }];
  }),
);

test("the table is total: every state answers every happening", () => {
  expect(Object.keys(TRANSITIONS).sort()).toEqual([...RECORD_STATES].sort());
  for (const state of RECORD_STATES)
    expect(Object.keys(TRANSITIONS[state]).sort()).toEqual([...RECORD_HAPPENINGS].sort());
  for (const { to } of arrows) expect(RECORD_STATES).toContain(to);
});

test("every state can be reached, and every outcome of a call is a state", () => {
  const reached = new Set<RecordState>(["frozen", ...arrows.map(({ to }) => to)]);
  expect([...reached].sort()).toEqual([...RECORD_STATES].sort());
  for (const outcome of OUTCOMES) expect(RECORD_STATES).toContain(outcome);
  // The clock decides expiry, not a reply.
  for (const outcome of OUTCOMES.filter((name) => name !== "expired")) {
    expect(transition("sent", outcome as RecordHappening)).toBe(outcome);
  }
});

describe("what the table forbids", () => {
  test("accepted is not billed: only a statement bills", () => {
    for (const { happening, to } of arrows) if (to === "billed") expect(happening).toBe("stated_billed");
  });

  test("billed and replaced are final", () => {
    for (const state of ["billed", "replaced"] as const)
      for (const happening of RECORD_HAPPENINGS) expect(transition(state, happening)).toBeNull();
  });

  test("a record goes out only while it owes a delivery or the marketplace has lost it", () =>
    expect(statesAllowing("send")).toEqual(["frozen", "unknown", "missing"]));

  test("a record is replaced only where it is surely void or in dispute, never while it may still count", () =>
    expect(statesAllowing("rereported")).toEqual([
      "conflict",
      "rejected_fixable",
      "rejected_final",
      "abnormal",
    ]));

  test("what is unknown is settled by the same bytes again or by a statement, never by a new record", () => {
    expect(transition("unknown", "rereported")).toBeNull();
    expect(transition("unknown", "send")).toBe("sent");
    expect(transition("unknown", "stated_billed")).toBe("billed");
    expect(transition("unknown", "stated_there")).toBe("accepted");
    expect(transition("unknown", "stated_missing")).toBe("frozen");
  });

  test("without a serial number on the wire, what is unknown never goes out again but by way of a statement", () => {
    expect(transition("unknown", "send", "after_statement")).toBeNull();
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...RECORD_HAPPENINGS), { maxLength: 80 }), (happenings) => {
        let state: RecordState = "frozen";
        let mayBeThere = false;
        for (const happening of happenings) {
          const next = transition(state, happening, "after_statement");
          expect([null, transition(state, happening)]).toContain(next);
          if (next === null) continue;
          // After a second send that no rule allows, only the interval would prevent a double.
          if (happening === "send") expect(mayBeThere).toBe(false);
          if (happening === "send") mayBeThere = true;
          if (["not_taken", "rejected_fixable", "stated_missing"].includes(happening)) mayBeThere = false;
          state = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a record on its way does not expire: its reply decides", () =>
    expect(statesAllowing("expired")).toEqual(["frozen", "unknown", "missing"]));
});

test("what was carried never counts again; a statement that shows it is a dispute", () => {
  expect(statesAllowing("carried")).toEqual(["rejected_fixable", "rejected_final", "expired"]);
  expect([...STATE_GROUPS.carriable]).toEqual(statesAllowing("carried"));
  const allowed = RECORD_HAPPENINGS.filter((happening) => transition("carried", happening) !== null);
  expect(allowed).toEqual(["stated_different"]);
  expect(transition("carried", "stated_different")).toBe("conflict");
});

test("from every state that owes a delivery there is a way to billed and a way to an end that is reported", () => {
  const ends: RecordState[] = ["billed", "expired", "rejected_final"];
  for (const start of STATE_GROUPS.owed) {
    const reached = new Set<RecordState>([start]);
    for (const state of reached) for (const { from, to } of arrows) if (from === state) reached.add(to);
    for (const end of ends) expect(reached).toContain(end);
  }
});

test("any run of happenings stays within the table, and a state that allows one is listed as such", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...RECORD_HAPPENINGS), { maxLength: 60 }), (happenings) => {
      let state: RecordState = "frozen";
      let replaced = 0;
      for (const happening of happenings) {
        const next = transition(state, happening);
        expect(statesAllowing(happening).includes(state)).toBe(next !== null);
        if (next === "replaced") replaced += 1;
        state = next ?? state;
      }
      expect(replaced).toBeLessThanOrEqual(1);
    }),
  );
});
