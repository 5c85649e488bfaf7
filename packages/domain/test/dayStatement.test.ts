import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeDay } from "../src/index.js";

const day = (taken: string, unknown: string, stated: string | undefined, isOpen = false) =>
  judgeDay({ taken, unknown, stated, isOpen }, true);

describe("a day of an instance against the marketplace's sum of it", () => {
  test.each([
    ["equal", "5", "0", "5.0000", "agreed"],
    ["with all that was unknown", "5", "2", "7", "agreed"],
    ["without what was unknown", "5", "2", "5", "missing"],
    ["without a line", "5", "0", undefined, "missing"],
    ["without a line, and nothing of ours", "0", "0", undefined, "waits"],
    ["with usage that is not ours", "0", "0", "3", "extra"],
    ["less", "5", "0", "4", "different"],
    ["more than what was unknown", "5", "2", "8", "different"],
    ["part of what was unknown", "5", "2", "6", "different"],
    ["nothing of what is there", "5", "0", "0", "different"],
  ])("%s", (_, taken, unknown, stated, verdict) => {
    expect(day(taken, unknown, stated)).toBe(verdict);
  });

  test("shows nothing while a record of it is open, whatever the sum", () => {
    const sums = fc.integer({ min: 0, max: 9 }).map(String);
    fc.assert(
      fc.property(sums, sums, fc.option(sums, { nil: undefined }), (taken, unknown, stated) => {
        expect(day(taken, unknown, stated, true)).toBe("waits");
      }),
    );
  });

  test("settles nothing unless the sum is that of all records, and an incomplete list shows no absence", () => {
    const sums = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(sums, sums, sums, (taken, unknown, stated) => {
        const verdict = day(String(taken), String(unknown), String(stated));
        expect(verdict === "agreed").toBe(taken + unknown === stated);
      }),
    );
    expect(judgeDay({ taken: "5", unknown: "0", stated: undefined, isOpen: false }, false)).toBe("waits");
  });
});
