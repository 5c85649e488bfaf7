const DECIMAL = /^(\d+)(?:\.(\d+))?$/;
const SCALE = 4;

export type ParsedUsage = { scaled: bigint; integerDigits: number; decimals: number };

/**
 * Reads a plain decimal without sign or exponent. Returns the value in ten-thousandths (further digits are cut,
 * `decimals` counts them), or null if the text is anything else.
 */
export function parseUsage(text: string): ParsedUsage | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const [, whole = "", fraction = ""] = match;
  const scaled = BigInt(whole + fraction.slice(0, SCALE).padEnd(SCALE, "0"));
  return { scaled, integerDigits: whole.replace(/^0+(?=\d)/, "").length, decimals: fraction.length };
}

/** Writes ten-thousandths as a decimal string without trailing zeros: 15000n is "1.5". */
export function formatUsage(scaled: bigint): string {
  const digits = scaled.toString().padStart(SCALE + 1, "0");
  const fraction = digits.slice(-SCALE).replace(/0+$/, "");
  const whole = digits.slice(0, -SCALE);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
