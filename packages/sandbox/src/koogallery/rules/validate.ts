import { parseCompact } from "../time.js";
import type { Claims } from "../ledger/claims.js";
import type { Entry } from "../ledger/entry.js";
import type { SdrCode } from "./codes.js";
import { isExpired, lifeOf, type Instance, type Registry } from "./instances.js";
import { usageFault, type UsageRecord } from "./request.js";

/**
 * The background check of one record (specification 1.5 last part, 2.1): the code that voids it, or null if it is
 * valid. Records must be given in the order of their acceptance: the first valid one of an interval wins.
 */
export function judge(entry: Entry, registry: Registry, claims: Claims): string | null {
  if (entry.forced !== null) return entry.forced;
  const instance = registry.get(entry.record.instance_id);
  return (
    instanceFault(instance, registry) ??
    valueFault(entry) ??
    rangeFault(entry, instance) ??
    (claims.snTaken(entry) ? "005" : null) ??
    (claims.intervalTaken(entry) ? "010" : null)
  );
}

function instanceFault(instance: Instance | undefined, registry: Registry): SdrCode | null {
  if (!instance) return registry.policy === "known" ? "001" : null;
  const byState = { gone: "001", foreign: "009", package: "012", delisted: "006" } as const;
  return instance.state in byState ? byState[instance.state as keyof typeof byState] : null;
}

function valueFault({ record, receivedAt }: Entry): SdrCode | null {
  const times = timesOf(record);
  if (!times) return "002";
  if (record.metering_sn === "") return "004";
  if (usageFault(record.usage_value)) return "003";
  return isExpired(times.begin, receivedAt) ? "007" : null;
}

function rangeFault({ record, receivedAt }: Entry, instance: Instance | undefined): SdrCode | null {
  const { begin, end, recorded } = timesOf(record) as Times;
  if (begin > end || end > recorded || end > receivedAt) return "011";
  if (!instance) return null;
  const life = lifeOf(instance);
  if (begin < life.opened || end > life.closed) return "011";
  return instance.state === "frozen" && end > life.frozen ? "013" : null;
}

type Times = { begin: number; end: number; recorded: number };

function timesOf(record: UsageRecord): Times | null {
  const [begin, end, recorded] = [record.begin_time, record.end_time, record.record_time].map(parseCompact);
  return begin == null || end == null || recorded == null ? null : { begin, end, recorded };
}
