import type { Entry } from "./entry.js";

export type Claims = {
  snTaken(entry: Entry): boolean;
  intervalTaken(entry: Entry): boolean;
  /** Adds a judged record: its serial number always, its interval only if it is valid. */
  note(entry: Entry, valid: boolean): void;
};

/**
 * Who was first: serial numbers, and intervals per instance (specification 2.1, rule 5). A void record claims its
 * serial number but not its interval. `windowMs` is the product time after which a claim is forgotten; the real
 * marketplace is not known to forget, so the default is never. Records of the old push have no serial number: for
 * them only the interval counts.
 */
export function createClaims(windowMs = Infinity): Claims {
  const serials = new Map<string, number>();
  const intervals = new Map<string, Map<string, number>>();

  const fresh = (since: number | undefined, now: number) => since !== undefined && now - since < windowMs;
  const keyOf = ({ record }: Entry) => record.begin_time + record.end_time;
  const note = (map: Map<string, number>, key: string, at: number) => {
    if (!fresh(map.get(key), at)) map.set(key, at);
  };

  return {
    snTaken: ({ record, receivedAt }) =>
      record.metering_sn !== undefined && fresh(serials.get(record.metering_sn), receivedAt),
    intervalTaken: (entry) =>
      fresh(intervals.get(entry.record.instance_id)?.get(keyOf(entry)), entry.receivedAt),
    note(entry, valid) {
      const { instance_id, metering_sn } = entry.record;
      if (metering_sn !== undefined) note(serials, metering_sn, entry.receivedAt);
      if (!valid) return;
      const own = intervals.get(instance_id) ?? new Map<string, number>();
      intervals.set(instance_id, own);
      note(own, keyOf(entry), entry.receivedAt);
    },
  };
}
