import type { UsageRecord } from "../rules/request.js";

const POOL_LIMIT = 100_000;

/** Returns records whose repeated texts (instances, times) are shared, so that one record costs little memory. */
export function createInterner(): (record: UsageRecord) => UsageRecord {
  const pool = new Map<string, string>();
  const shared = (text: string): string => {
    const known = pool.get(text);
    if (known !== undefined) return known;
    if (pool.size >= POOL_LIMIT) pool.clear();
    pool.set(text, text);
    return text;
  };
  return (record) => ({
    ...record,
    instance_id: shared(record.instance_id),
    begin_time: shared(record.begin_time),
    end_time: shared(record.end_time),
    record_time: shared(record.record_time),
  });
}
