/**
 * Quantities are decimal strings outside and bigint inside, never floats. `Units` counts in the smallest step of a
 * stated scale: with scale 4, 1.5 is 15000n.
 */
export type Units = bigint;

/** What the edge accepts: up to 12 digits before the point and 12 after it. */
export const QUANTITY_INTEGER_DIGITS = 12;
export const QUANTITY_MAX_SCALE = 12;

const DECIMAL = /^(\d{1,12})(?:\.(\d{1,12}))?$/;
/** Any other way to write one: an exponent, long rows of zeros. */
const WRITTEN = /^(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/;
const SIGNIFICANT_DIGITS_OF_A_NUMBER = 15;

/**
 * Reads a quantity by its own digits: decimal text, also with an exponent; or a number in memory in its shortest decimal
 * form of up to 15 significant digits (SPEC 9). Nothing is rounded.
 * @returns its canonical text (no leading or trailing zeros: `1`, `1.0`, `"1"` and `10e-1` are the same payload), or
 *   undefined if it is not a valid quantity: negative, NaN, more digits than are kept or than a number holds reliably.
 */
export function parseQuantity(raw: string | number): string | undefined {
  const text = typeof raw === "number" ? numberToDecimal(raw) : raw;
  if (text === undefined) return undefined;
  const match = DECIMAL.exec(text);
  return match ? canonical(match[1]!, match[2] ?? "") : parseWritten(text);
}

const canonical = (integer: string, decimals: string): string => {
  const whole = integer.replace(/^0+(?=\d)/, "");
  const fraction = decimals.replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
};

function parseWritten(text: string): string | undefined {
  const decimal = readWritten(text);
  return decimal !== undefined && DECIMAL.test(decimal) ? decimal : undefined;
}

/** The canonical text of a decimal of any size, its exponent undone; undefined for other texts. */
function readWritten(text: string): string | undefined {
  const match = WRITTEN.exec(text);
  if (!match) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const point = whole.length + Number(exponent);
  const digits = (whole + fraction)
    .padEnd(point, "0")
    .padStart(whole.length + fraction.length - Math.min(point, 0), "0");
  const at = Math.max(point, 0);
  return canonical(digits.slice(0, at) || "0", digits.slice(at));
}

/** What is wrong with a quantity that {@link parseQuantity} does not take, and what to send. */
export function quantityAdvice(raw: string | number): string {
  const decimal = readWritten(String(raw));
  const limits = `up to ${QUANTITY_INTEGER_DIGITS} digits on either side of the point`;
  if (decimal === undefined || decimal.indexOf(".") > QUANTITY_INTEGER_DIGITS || !decimal.includes("."))
    return `must be a decimal ≥ 0 with ${limits}`;
  const scale = scaleOf(decimal);
  if (scale <= QUANTITY_MAX_SCALE) return `must be text beyond 15 significant digits: send "${decimal}"`;
  const half = 5n * 10n ** BigInt(scale - QUANTITY_MAX_SCALE - 1);
  const units = (toUnits(decimal, scale) + half) / 10n ** BigInt(scale - QUANTITY_MAX_SCALE);
  const rounded = trimDecimal(formatUnits(units, QUANTITY_MAX_SCALE));
  return `has ${scale} decimals, at most ${QUANTITY_MAX_SCALE} are kept and nothing is rounded here: send "${rounded}" if that is meant`;
}

function numberToDecimal(value: number): string | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined;
  const shortest = String(value);
  if (!shortest.includes("e")) return significantDigits(shortest) ? shortest : undefined;
  // Below 1e-6 the shortest form has an exponent, but the value is still exact.
  const [mantissa, exponent] = shortest.split("e") as [string, string];
  const digits = mantissa.replace(".", "");
  const shift = -Number(exponent);
  return shift > 0 && significantDigits(digits) ? `0.${"0".repeat(shift - 1)}${digits}` : undefined;
}

function significantDigits(decimal: string): boolean {
  return decimal.replace(".", "").replace(/^0+/, "").length <= SIGNIFICANT_DIGITS_OF_A_NUMBER;
}

/** The number of decimals of a canonical quantity. */
export function scaleOf(quantity: string): number {
  const point = quantity.indexOf(".");
  return point < 0 ? 0 : quantity.length - point - 1;
}

/**
 * A canonical quantity (may have a sign) in units of the given scale.
 * @throws RangeError if the quantity has more decimals than the scale: nothing is ever rounded.
 */
export function toUnits(quantity: string, scale: number): Units {
  const [whole, fraction = ""] = quantity.split(".") as [string, string?];
  if (fraction.length > scale && /[1-9]/.test(fraction.slice(scale))) {
    throw new RangeError(`${quantity} has more than ${scale} decimals`);
  }
  return BigInt(whole + fraction.slice(0, scale).padEnd(scale, "0"));
}

/** Units of a scale as a decimal text with exactly that many decimals: `(15000n, 4)` is `1.5000`. */
export function formatUnits(units: Units, scale: number): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return negative ? `-${text}` : text;
}

/** A decimal text without trailing zeros: `1.5000` is `1.5`. */
export function trimDecimal(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** Adds decimal texts exactly; the result has no trailing zeros. */
export function addDecimals(...texts: string[]): string {
  const scale = Math.max(0, ...texts.map(scaleOf));
  const sum = texts.reduce((total, text) => total + toUnits(text, scale), 0n);
  return trimDecimal(formatUnits(sum, scale));
}

/** The part of a total that can be filed, and the rest, which is kept for the next hour (SPEC 9). */
export interface Split {
  /** In units of the marketplace's scale. */
  billable: Units;
  /** Decimal text, 0 ≤ residue < one unit of the marketplace's scale. */
  residue: string;
}

/** Splits a total (decimal text, not negative) at the marketplace's last decimal. */
export function splitAtScale(total: string, decimals: number): Split {
  const scale = Math.max(scaleOf(total), decimals);
  const units = toUnits(total, scale);
  const step = 10n ** BigInt(scale - decimals);
  return { billable: units / step, residue: trimDecimal(formatUnits(units % step, scale)) };
}

/** Whether a text from outside is a plain decimal that {@link unitsOf} reads; corrections and credits have a sign. */
export function isDecimal(text: string): boolean {
  return /^-?\d{1,30}(\.\d{1,12})?$/.test(text);
}

/**
 * A text from outside in units of the finest scale; 0 if it is not a decimal, which the caller has reported already.
 */
export function unitsOf(text: string): Units {
  return text !== "0" && isDecimal(text) ? toUnits(text, QUANTITY_MAX_SCALE) : 0n;
}
