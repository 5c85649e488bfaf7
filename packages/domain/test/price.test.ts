import { describe, expect, test } from "vitest";
import { chargeAll, chargeFor, planProblem, roundMoney, type PricePlan } from "../src/billing/price.js";
import { addDecimals } from "../src/quantity.js";
import { decimal, exact, fc } from "./property.js";

const plan = (given: Partial<PricePlan>): PricePlan => ({
  model: "fixed",
  currency: "CNY",
  period: "month",
  free: "0",
  bands: [
    { upTo: "3", unitPrice: "0.3" },
    { upTo: null, unitPrice: "0.2" },
  ],
  ...given,
});
const of = (...quantities: string[]) => quantities.map((quantity) => ({ period: "2026-03", quantity }));
const total = (amounts: readonly string[]) => addDecimals("0", ...amounts);

describe("the examples of the specification (koogallery.md 2.3, 10.H)", () => {
  test("step: 8 in a period are 1.90, however they are cut", () => {
    const step = plan({ model: "step" });
    expect(chargeFor(step, "0", "8")).toBe("1.9");
    expect(chargeAll(step, of("3", "5"))).toEqual(["0.9", "1"]);
    expect(total(chargeAll(step, of(..."11111111")))).toBe("1.9");
  });

  test("tier: 8 in one record are 1.60, in 4 + 4 too, in 3 + 5 1.90, in eight 2.40", () => {
    const tier = plan({ model: "tier" });
    expect(chargeAll(tier, of("8"))).toEqual(["1.6"]);
    expect(total(chargeAll(tier, of("4", "4")))).toBe("1.6");
    expect(total(chargeAll(tier, of("3", "5")))).toBe("1.9");
    expect(total(chargeAll(tier, of(..."11111111")))).toBe("2.4");
  });

  test("fixed: quantity times price", () => {
    expect(chargeFor(plan({ bands: [{ upTo: null, unitPrice: "0.0125" }] }), "7", "12.5000")).toBe("0.15625");
  });
});

test("the end of a band belongs to it", () => {
  const tier = plan({ model: "tier" });
  expect([chargeFor(tier, "0", "3"), chargeFor(tier, "0", "3.0001")]).toEqual(["0.9", "0.60002"]);
});

test("free quantity is used up first, once a period", () => {
  const fixed = plan({ free: "10", bands: [{ upTo: null, unitPrice: "2" }] });
  expect(chargeAll(fixed, of("4", "4", "4", "4"))).toEqual(["0", "0", "4", "8"]);
  expect(
    chargeAll(fixed, [
      { period: "2026-03", quantity: "12" },
      { period: "2026-04", quantity: "12" },
    ]),
  ).toEqual(["4", "4"]);
  const step = plan({ model: "step", free: "2" });
  expect(total(chargeAll(step, of("2", "8")))).toBe("1.9");
});

test.each([
  ["no price", plan({ bands: [] })],
  ["fixed with bands", plan({ model: "fixed" })],
  ["an end at last", plan({ model: "step", bands: [{ upTo: "3", unitPrice: "1" }] })],
  [
    "falling ends",
    plan({
      model: "step",
      bands: [
        { upTo: "3", unitPrice: "1" },
        { upTo: "3", unitPrice: "2" },
        { upTo: null, unitPrice: "1" },
      ],
    }),
  ],
  ["a negative price", plan({ bands: [{ upTo: null, unitPrice: "-1" }] })],
])("a plan with %s is none", (_, wrong) => {
  expect(planProblem(wrong)).toMatch(/\w/);
  expect(planProblem(plan({ model: "tier" }))).toBeUndefined();
});

const bands = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { maxLength: 4 }),
    fc.array(decimal(3, 6), { minLength: 5, maxLength: 5 }),
  )
  .map(([ends, prices]) =>
    [...ends.sort((a, b) => a - b).map(String), null].map((upTo, at) => ({ upTo, unitPrice: prices[at]! })),
  );
const quantities = fc.array(decimal(4, 4), { minLength: 1, maxLength: 12 });

/** The fee, band by band from the start: an independent computation, slow and plain. */
function walked(steps: PricePlan, amount: string): bigint {
  const units = exact(amount);
  let [fee, from] = [0n, 0n];
  for (const { upTo, unitPrice } of steps.bands) {
    const end = upTo === null || units < exact(upTo) ? units : exact(upTo);
    if (end > from) fee += ((end - from) / 10n ** 12n) * (exact(unitPrice) / 10n ** 12n);
    from = end > from ? end : from;
  }
  return fee;
}

describe("for any plan and any usage", () => {
  test("step and fixed do not depend on the cut", () => {
    fc.assert(
      fc.property(bands, quantities, decimal(3, 4), (drawn, drawnQuantities, free) => {
        for (const one of [
          plan({ model: "step", bands: drawn, free }),
          plan({ bands: [drawn.at(-1)!], free }),
        ]) {
          const cut = total(chargeAll(one, of(...drawnQuantities)));
          expect(cut).toBe(total([chargeFor(one, "0", addDecimals(...drawnQuantities))]));
        }
      }),
    );
  });

  test("a step fee is the sum over its bands", () => {
    fc.assert(
      fc.property(bands, decimal(4, 4), (drawn, quantity) => {
        const one = plan({ model: "step", bands: drawn });
        expect(exact(chargeFor(one, "0", quantity))).toBe(walked(one, quantity));
      }),
    );
  });

  test("a tier price is its quantity times one of the prices, and never less than nothing", () => {
    fc.assert(
      fc.property(bands, decimal(4, 4), (drawn, quantity) => {
        const amount = exact(chargeFor(plan({ model: "tier", bands: drawn }), "5", quantity));
        const allowed = drawn.map(
          ({ unitPrice }) => (exact(quantity) / 10n ** 12n) * (exact(unitPrice) / 10n ** 12n),
        );
        expect(allowed).toContain(amount);
      }),
    );
  });
});

test.each([
  ["1.005", 2, "1.01"],
  ["-1.005", 2, "-1.01"],
  ["1.0049", 2, "1.00"],
  ["7", 2, "7.00"],
  ["0.5", 0, "1"],
])("%s at %i decimals is %s", (amount, decimals, rounded) => {
  expect(roundMoney(amount, decimals)).toBe(rounded);
});
