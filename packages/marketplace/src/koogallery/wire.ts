import { formatCompact, SECOND, type Micros } from "@quarterpast/domain";
import type { WireRecordInput } from "../profile.js";
import { LIMITS } from "./site.js";

/** Version of the text that {@link encodeRecord} returns. Changing a single byte of it requires the next number. */
export const WIRE_VERSION = 1;

const PRINTABLE_ASCII = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** Up to 8 digits before the point and 4 after it: a double of 12 digits. */
const QUANTITY = /^(?:0|[1-9]\d{0,7})(?:\.\d{1,4})?$/;

/**
 * The wire text of one record (koogallery.md 1.3, 1.4): keys ascending, compact, every value a string, no nulls, so
 * that it is right whether or not the receiver sorts before verifying.
 * @throws RangeError naming the field, its value and what would be right
 */
export function encodeRecord(record: WireRecordInput): string {
  checkRecord(record);
  const { begin_time, end_time, record_time } = wireTimes(record);
  return JSON.stringify({
    ...{
      begin_time,
      end_time,
      instance_id: record.instanceId,
      metering_sn: record.serialNumber,
      record_time,
    },
    ...{ relate_pkg_instance: record.relatedPackageInstance, usage_value: record.quantity },
  });
}

/** The times of a record in wire form. */
export function wireTimes({ begin, end, recordTime }: WireRecordInput) {
  const [begin_time, end_time, record_time] = [begin, end, recordTime].map(formatCompact);
  return { begin_time, end_time, record_time };
}

/**
 * Checks what applies to a record of either interface; the serial number is the ledger's name for it in both.
 * @throws RangeError naming the field, its value and what would be right
 */
export function checkRecord(record: WireRecordInput): void {
  checkTimes(record);
  checkId("instanceId", record.instanceId, LIMITS.instanceIdChars);
  checkId("serialNumber", record.serialNumber, LIMITS.serialNumberChars);
  if (!QUANTITY.test(record.quantity) || !/[1-9]/.test(record.quantity)) {
    const right = "above 0, up to 8 digits and 4 decimals";
    throw wrong("quantity", record.quantity, right);
  }
  const related = record.relatedPackageInstance;
  if (related !== undefined) checkId("relatedPackageInstance", related, LIMITS.instanceIdChars);
}

/** The exact bytes of a call, which are signed and sent. */
export function bodyOf(wires: readonly string[]): Buffer {
  return Buffer.from(`{"usage_records":[${wires.join(",")}]}`, "utf8");
}

function checkTimes({ begin, end, recordTime }: WireRecordInput): void {
  for (const [field, at] of [["begin", begin] as const, ["end", end] as const]) {
    if (!isWholeSecond(at)) throw wrong(field, String(at), "an instant in whole seconds");
  }
  if (begin >= end) throw wrong("end", String(end), `after begin ${begin}`);
  if (!Number.isSafeInteger(recordTime) || recordTime < end) {
    throw wrong("recordTime", String(recordTime), `not before end ${end}`);
  }
}

function isWholeSecond(at: Micros): boolean {
  return Number.isSafeInteger(at) && at >= 0 && at % SECOND === 0;
}

/** @throws RangeError if an id is not 1 to `maxChars` printable ASCII characters. */
export function checkId(field: string, value: string, maxChars: number): void {
  if (value.length <= maxChars && PRINTABLE_ASCII.test(value)) return;
  throw wrong(
    field,
    JSON.stringify(value),
    `1 to ${maxChars} printable ASCII characters, no blank at either end`,
  );
}

function wrong(field: string, value: string, right: string): RangeError {
  return new RangeError(`${field} ${value} cannot be filed; expected: ${right}`);
}
