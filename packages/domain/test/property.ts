import fc from "fast-check";

/** Set FAST_CHECK_SEED (and FAST_CHECK_RUNS) to replay a failure: fast-check prints the seed of each. */
const { FAST_CHECK_SEED: seed, FAST_CHECK_RUNS: runs } = process.env;
fc.configureGlobal({
  ...(seed ? { seed: Number(seed) } : {}),
  ...(runs ? { numRuns: Number(runs) } : {}),
});

export { fc };

/** A canonical decimal with up to `digits` digits before the point and `scale` after it. */
export const decimal = (digits = 12, scale = 12): fc.Arbitrary<string> =>
  fc
    .tuple(fc.bigInt(0n, 10n ** BigInt(digits) - 1n), fc.integer({ min: 0, max: scale }))
    .chain(([whole, places]) =>
      fc.bigInt(0n, 10n ** BigInt(places) - 1n).map((fraction) => {
        const text = places === 0 ? "" : fraction.toString().padStart(places, "0").replace(/0+$/, "");
        return text === "" ? String(whole) : `${whole}.${text}`;
      }),
    );

/**
 * A decimal text as an integer of 10^-24: exact for every value in these tests, and independent of the code under
 * test.
 */
export function exact(text: string): bigint {
  const negative = text.startsWith("-");
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  if (fraction.length > 24) throw new RangeError(`${text}: more than 24 decimals`);
  const value = BigInt(whole) * 10n ** 24n + BigInt(fraction.padEnd(24, "0"));
  return negative ? -value : value;
}
