const DECIMAL = /^(\d+)(?:\.(\d+))?$/;
const SCALE = 4;

export type ParsedUsage = { scaled: bigint; integerDigits: number; decimals: number };

/**
 * Reads a plain decimal without sign or exponent. Gives the value in ten-thousandths (digits beyond the fourth
 * decimal are cut, `decimals` tells of them) or null where the text is no such number.
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
