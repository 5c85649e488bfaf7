import type { Micros } from "@quarterpast/domain";

// Ours, not a library's: pg sends arrays as text, and what writes them in binary form (pg-copy-streams' companions) is for
// COPY, which cannot say which rows were there already.

/**
 * Arrays as parameters in Postgres' binary form, which the driver sends for a Buffer: this saves both sides the
 * conversion to text, a third of a batch's cost. One dimension, without nulls unless stated.
 */
const HEADER_BYTES = 20;
const BOOL = 16;
const INT4 = 23;
const UUID = 2950;
const TIMESTAMPTZ = 1184;
/** Postgres counts microseconds from 2000-01-01. */
const EPOCH_2000: Micros = 946_684_800_000_000;
const NULL = -1;

function header(buffer: Buffer, oid: number, count: number, hasNull: boolean): void {
  buffer.writeInt32BE(count === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  if (count === 0) return;
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
}

const empty = (oid: number): Buffer => {
  const buffer = Buffer.alloc(12);
  header(buffer, oid, 0, false);
  return buffer;
};

/** `integer[]`; null is NULL. @throws RangeError for a value that is not an int4. */
export function int4Array(values: readonly (number | null)[]): Buffer {
  if (values.length === 0) return empty(INT4);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 8);
  let at = HEADER_BYTES;
  let hasNull = false;
  for (const value of values) {
    if (value === null) {
      hasNull = true;
      at = buffer.writeInt32BE(NULL, at);
    } else {
      at = buffer.writeInt32BE(4, at);
      at = buffer.writeInt32BE(value, at);
    }
  }
  header(buffer, INT4, values.length, hasNull);
  return buffer.subarray(0, at);
}

/** `boolean[]`. */
export function boolArray(values: readonly boolean[]): Buffer {
  if (values.length === 0) return empty(BOOL);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 5);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(1, at);
    at = buffer.writeUInt8(value ? 1 : 0, at);
  }
  header(buffer, BOOL, values.length, false);
  return buffer;
}

/**
 * `timestamptz[]`; null is NULL. @throws RangeError for a value that is not a whole microsecond within Postgres'
 * range.
 */
export function timestamptzArray(values: readonly (Micros | null)[]): Buffer {
  if (values.length === 0) return empty(TIMESTAMPTZ);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12);
  let at = HEADER_BYTES;
  let hasNull = false;
  for (const value of values) {
    if (value === null) {
      hasNull = true;
      at = buffer.writeInt32BE(NULL, at);
      continue;
    }
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an instant in microseconds`);
    const since = value - EPOCH_2000;
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeInt32BE(Math.floor(since / 2 ** 32), at);
    at = buffer.writeUInt32BE(((since % 2 ** 32) + 2 ** 32) % 2 ** 32, at);
  }
  header(buffer, TIMESTAMPTZ, values.length, hasNull);
  return buffer.subarray(0, at);
}

const HEX = Uint8Array.from({ length: 103 }, (_, code) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code).toLowerCase());
  return digit < 0 ? 255 : digit;
});
/** Positions of the digit pairs in a UUID's text. */
const PAIRS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** `uuid[]` of UUIDs in their usual text. @throws RangeError for another text. */
export function uuidArray(values: readonly string[]): Buffer {
  if (values.length === 0) return empty(UUID);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 20);
  let at = HEADER_BYTES;
  for (const text of values) {
    at = buffer.writeInt32BE(16, at);
    let bad = text.length === 36 ? 0 : 255;
    for (const pair of PAIRS) {
      const high = HEX[text.charCodeAt(pair)] ?? 255;
      const low = HEX[text.charCodeAt(pair + 1)] ?? 255;
      bad |= (high | low) & 0xf0;
      buffer[at] = (high << 4) | low;
      at += 1;
    }
    if (bad !== 0) throw new RangeError(`${text} is not a UUID`);
  }
  header(buffer, UUID, values.length, false);
  return buffer;
}

const DECIMAL = /^-?\d{1,40}(\.\d{1,20})?$/;

/** `numeric[]` as text, from decimals; null is NULL. @throws RangeError for a text that is not a decimal. */
export function numericArray(values: readonly (string | null)[]): string {
  const wrong = values.find((value) => value !== null && !DECIMAL.test(value));
  if (wrong !== undefined) throw new RangeError(`${wrong} is not a decimal`);
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
}
