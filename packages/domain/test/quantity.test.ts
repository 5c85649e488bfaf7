import { describe, expect, test } from "vitest";
import {
  addDecimals,
  formatUnits,
  parseQuantity,
  quantityAdvice,
  scaleOf,
  splitAtScale,
  toUnits,
  trimDecimal,
} from "../src/quantity.js";
import { sameQuantity } from "../src/placement/interval.js";
import { compareDecimals } from "../src/usage/meter.js";
import { decimal, exact, fc } from "./property.js";

describe("a quantity at the edge", () => {
  test.each([
    [0, "0"],
    [-0, "0"],
    ["0", "0"],
    ["000", "0"],
    ["0.000", "0"],
    [1, "1"],
    ["1", "1"],
    ["1.0", "1"],
    ["001.50", "1.5"],
    [0.1, "0.1"],
    [1e-7, "0.0000001"],
    [1.5e-7, "0.00000015"],
    [1e-12, "0.000000000001"],
    [123456789012, "123456789012"],
    [999999999999.999, "999999999999.999"],
    ["999999999999.999999999999", "999999999999.999999999999"],
    ["0.000000000001", "0.000000000001"],
    ["1e3", "1000"],
    ["1E-3", "0.001"],
    ["3.6e+3", "3600"],
    ["12.5e-2", "0.125"],
    ["0e999", "0"],
    ["0.000e-400", "0"],
    ["1.0000000000000", "1"],
    ["0000000000000000001.5", "1.5"],
    ["123456789012000000000e-9", "123456789012"],
  ])("%j is %s", (raw, canonical) => expect(parseQuantity(raw)).toBe(canonical));

  test.each([
    [-1],
    [NaN],
    [Infinity],
    [-Infinity],
    [1e12],
    [1e21],
    [1e-13],
    [5e-324],
    [Number.MAX_SAFE_INTEGER],
    // 16 significant digits: the number no longer shows what was meant.
    [0.1 + 0.2],
    [1234567.890123456],
    [""],
    [" 1"],
    ["1 "],
    ["1\n"],
    ["+1"],
    ["-1"],
    ["-0"],
    ["1."],
    [".5"],
    ["1e12"],
    ["1e-13"],
    ["1e400"],
    ["1e-400"],
    ["1e1000"],
    ["1e"],
    ["e3"],
    ["1e3.5"],
    ["0x10"],
    ["1,5"],
    ["1_000"],
    ["1.2.3"],
    ["NaN"],
    ["Infinity"],
    ["١٢"],
    ["１"],
    ["1\u0000"],
    ["1234567890123"],
    ["0.0000000000001"],
  ])("%j is refused", (raw) => expect(parseQuantity(raw)).toBeUndefined());

  test("a number of up to 15 significant digits is taken as it was written", () => {
    const written = fc
      .tuple(fc.bigInt(1n, 10n ** 15n - 1n), fc.integer({ min: 0, max: 12 }))
      .map(([digits, scale]) => trimDecimal(formatUnits(digits, scale)))
      .filter((text) => text.split(".")[0]!.length <= 12);
    fc.assert(
      fc.property(written, (text) => {
        expect(parseQuantity(Number(text))).toBe(text);
      }),
    );
  });

  test("any text is refused or has one canonical form, which is taken as it is", () => {
    const raw = fc.oneof(fc.string(), fc.stringMatching(/^\d{0,14}\.?\d{0,14}$/), fc.double());
    fc.assert(
      fc.property(raw, (value) => {
        const canonical = parseQuantity(value);
        if (canonical === undefined) return;
        expect(canonical).toMatch(/^(0|[1-9]\d{0,11})(\.\d{0,11}[1-9])?$/);
        expect(parseQuantity(canonical)).toBe(canonical);
        if (typeof value === "string") expect(exact(canonical)).toBe(exact(value));
      }),
    );
  });
});

describe("arithmetic", () => {
  test("sums are exact, in any order and grouping", () => {
    fc.assert(
      fc.property(fc.array(decimal(), { maxLength: 50 }), fc.nat(), (texts, at) => {
        const sum = addDecimals(...texts);
        expect(exact(sum)).toBe(texts.reduce((total, text) => total + exact(text), 0n));
        const cut = texts.length === 0 ? 0 : at % texts.length;
        expect(addDecimals(addDecimals(...texts.slice(cut)), addDecimals(...texts.slice(0, cut)))).toBe(sum);
      }),
    );
  });

  test("0.1 added ten times is 1", () => expect(addDecimals(...Array<string>(10).fill("0.1"))).toBe("1"));

  test("units and text are two forms of one value", () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.integer({ min: 0, max: 12 }), (units, scale) => {
        const text = formatUnits(units, scale);
        expect(scaleOf(text)).toBe(scale);
        expect(toUnits(text, scale)).toBe(units);
        expect(toUnits(trimDecimal(text), scale)).toBe(units);
      }),
    );
  });

  test("nothing is rounded: more decimals than the scale throw", () => {
    expect(() => toUnits("0.00001", 4)).toThrow(RangeError);
    expect(toUnits("0.00010", 4)).toBe(1n);
    expect(toUnits("-1.5", 4)).toBe(-15_000n);
  });

  test("a split gives back the whole: billable and residue are the total", () => {
    fc.assert(
      fc.property(decimal(15), fc.integer({ min: 0, max: 6 }), (total, decimals) => {
        const { billable, residue } = splitAtScale(total, decimals);
        expect(exact(formatUnits(billable, decimals)) + exact(residue)).toBe(exact(total));
        expect(exact(residue)).toBeGreaterThanOrEqual(0n);
        expect(exact(residue)).toBeLessThan(10n ** BigInt(24 - decimals));
      }),
    );
  });

  test("comparison agrees with the exact values", () => {
    fc.assert(
      fc.property(decimal(4, 4), decimal(4, 4), (a, b) => {
        const difference = exact(a) - exact(b);
        expect(Math.sign(compareDecimals(a, b))).toBe(difference > 0n ? 1 : difference < 0n ? -1 : 0);
        expect(sameQuantity(`${a.includes(".") ? a : `${a}.`}00`, b)).toBe(difference === 0n);
      }),
    );
  });
});

test.each([
  [
    0.1 + 0.2,
    'has 17 decimals, at most 12 are kept and nothing is rounded here: send "0.3" if that is meant',
  ],
  [1234567.890123456, 'must be text beyond 15 significant digits: send "1234567.890123456"'],
  ["1e12", "must be a decimal ≥ 0 with up to 12 digits on either side of the point"],
  ["-1", "must be a decimal ≥ 0 with up to 12 digits on either side of the point"],
  [NaN, "must be a decimal ≥ 0 with up to 12 digits on either side of the point"],
])("%j is refused with what to send", (raw, advice) => expect(quantityAdvice(raw)).toBe(advice));
