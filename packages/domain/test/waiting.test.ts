import { describe, expect, test } from "vitest";
import { HOUR, parseCompact } from "../src/time.js";
import {
  judgeWaiting,
  STATEMENT_LAG,
  type StatementScope,
  type WaitingRecord,
} from "../src/billing/waiting.js";
import { fc } from "./property.js";

const H = parseCompact("20260301T100000Z")!;
const SENT = H + HOUR;
const WHOLE: StatementScope = {
  complete: true,
  range: { from: H, to: H + HOUR },
  askedAt: SENT + STATEMENT_LAG,
};
const record = (seq: number, isThere: boolean, begin = H): WaitingRecord => ({ seq, begin, isThere });

describe("a call without serial numbers, of unknown outcome", () => {
  test("is delivered where a statement shows all of it, complete or not", () => {
    const partial = { ...WHOLE, complete: false, askedAt: SENT };
    expect(judgeWaiting([record(1, true), record(2, true)], SENT, partial)).toEqual({ kind: "there" });
  });

  test("goes out again, as far as it is missing, where a complete statement asked well after it does not show it", () => {
    expect(judgeWaiting([record(1, false), record(2, false)], SENT, WHOLE)).toEqual({
      kind: "missing",
      seqs: [1, 2],
    });
    expect(judgeWaiting([record(1, true), record(2, false)], SENT, WHOLE)).toEqual({
      kind: "missing",
      seqs: [2],
    });
  });

  test.each([
    ["is incomplete", { complete: false }],
    ["covers nothing", { range: undefined }],
    ["ends before it", { range: { from: H - HOUR, to: H } }],
    ["begins after it", { range: { from: H + 1, to: H + HOUR } }],
    ["may lag behind the call", { askedAt: SENT + STATEMENT_LAG - 1 }],
  ])("waits on where the statement %s", (_, change) => {
    expect(judgeWaiting([record(1, true), record(2, false)], SENT, { ...WHOLE, ...change })).toEqual({
      kind: "waits",
    });
  });

  test("whatever a statement shows: only what it proves missing goes out again, and never what is there", () => {
    const any = fc.record({
      records: fc.uniqueArray(
        fc.record({
          seq: fc.nat(50),
          isThere: fc.boolean(),
          begin: fc.constantFrom(H - 1, H, H + HOUR - 1, H + HOUR),
        }),
        { selector: ({ seq }) => seq, minLength: 1, maxLength: 8 },
      ),
      complete: fc.boolean(),
      lag: fc.constantFrom(0, STATEMENT_LAG - 1, STATEMENT_LAG, HOUR),
    });
    fc.assert(
      fc.property(any, ({ records, complete, lag }) => {
        const verdict = judgeWaiting(records, SENT, { ...WHOLE, complete, askedAt: SENT + lag });
        const absent = records.filter(({ isThere }) => !isThere);
        const isProven =
          complete && lag >= STATEMENT_LAG && absent.every(({ begin }) => begin >= H && begin < H + HOUR);
        if (verdict.kind === "there") expect(absent).toEqual([]);
        else if (verdict.kind === "waits") expect(absent.length > 0 && !isProven).toBe(true);
        else {
          expect(isProven).toBe(true);
          expect(verdict.seqs).toEqual(absent.map(({ seq }) => seq));
        }
      }),
    );
  });
});
