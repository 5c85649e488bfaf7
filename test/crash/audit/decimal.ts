/** Enough decimals for every sum of the auditor to be exact. */
const SCALE = 12;

/** A decimal text as a whole number of 10^-12. */
export function units(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new Error(`${text} is not a decimal`);
  const [, sign, whole, fraction = ""] = match;
  if (/[1-9]/.test(fraction.slice(SCALE))) throw new Error(`${text} has more than ${SCALE} decimals`);
  const value = BigInt(whole! + fraction.slice(0, SCALE).padEnd(SCALE, "0"));
  return sign ? -value : value;
}

/** The inverse, for messages. */
export function text(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(SCALE + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`.replace(/\.?0+$/, "");
}

/** Adds to a sum by key. */
export function add<K>(sums: Map<K, bigint>, key: K, value: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + value);
}
