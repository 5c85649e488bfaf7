import type { WireRecordInput } from "../profile.js";
import { checkId, checkRecord, wireTimes } from "./wire.js";

/** Version of the text that {@link encodeOldRecord} returns. Changing a single byte of it requires a new number. */
export const OLD_WIRE_VERSION = 2;

const PRODUCT_ID_CHARS = 64;

/**
 * The wire text of one record of the old push (koogallery.md 1.6): with its product, without a serial number,
 * otherwise like the new one.
 * @throws RangeError naming the field, its value and what would be right
 */
export function encodeOldRecord(record: WireRecordInput): string {
  checkRecord(record);
  const { product = "", relatedPackageInstance: related } = record;
  checkId("product", product, PRODUCT_ID_CHARS);
  const { begin_time, end_time, record_time } = wireTimes(record);
  return JSON.stringify({
    ...{ begin_time, end_time, instance_id: record.instanceId, product_id: product, record_time },
    ...{ relate_pkg_instance: related, usage_value: record.quantity },
  });
}
