import { z } from "zod";
import type { Cycle } from "../collection.js";
import { DAY, SECOND, parseCompact } from "../time.js";
import { refusal, type Refusal } from "./codes.js";
import type { RecordChecks, UsageRecord } from "./request.js";

/** `known` refuses a call that names an instance outside the registry (9001); `any` accepts it. */
export type InstancePolicy = "known" | "any";

const isoInstant = z.iso.datetime({ offset: true });

/**
 * What is known of one instance. `state`: `normal`; `frozen` (usage after `frozen` is void with 013, without that
 * time all of it); `delisted` 006; `foreign` 009; `package` 012; `gone` 001; `unpublished` refuses the call with 0150.
 */
export const instanceSchema = z.strictObject({
  product: z.string().min(1).max(64),
  opened: isoInstant,
  closed: isoInstant.nullish(),
  frozen: isoInstant.nullish(),
  state: z
    .enum(["normal", "frozen", "delisted", "foreign", "package", "gone", "unpublished"])
    .default("normal"),
  cycle: z.enum(["hourly", "daily"]).default("hourly"),
});

export type InstanceInput = z.input<typeof instanceSchema>;
export type Instance = z.output<typeof instanceSchema>;

export type Registry = {
  policy: InstancePolicy;
  set(id: string, instance: Instance): void;
  get(id: string): Instance | undefined;
  all(): (Instance & { instance_id: string })[];
  cycleOf(id: string): Cycle;
};

/** The instances that KooGallery knows for this seller. */
export function createRegistry(policy: InstancePolicy): Registry {
  const instances = new Map<string, Instance>();
  return {
    policy,
    set: (id, instance) => void instances.set(id, instance),
    get: (id) => instances.get(id),
    all: () => [...instances].map(([instance_id, instance]) => ({ instance_id, ...instance })),
    cycleOf: (id) => instances.get(id)?.cycle ?? "hourly",
  };
}

const MAX_AGE = 21 * DAY;

/** Whether a record's begin is more than 21 days before `now` (product time). */
export function isExpired(begin: number, now: number): boolean {
  return begin < now - MAX_AGE;
}

/** The refusal of a whole call because of one record's instance or age (9001, 0150, 9004), or null. */
export function admissionFault(
  records: readonly UsageRecord[],
  registry: Registry,
  checks: RecordChecks,
  now: number,
): Refusal | null {
  for (const [index, record] of records.entries()) {
    const instance = registry.get(record.instance_id);
    if (!instance && registry.policy === "known") {
      return refusal("MKT.9001", `usage_records[${index}].instance_id`);
    }
    if (instance?.state === "unpublished") {
      return refusal("MKT.0150", `usage_records[${index}].instance_id`);
    }
    const begin = parseCompact(record.begin_time);
    if (checks === "sync" && begin !== null && isExpired(begin, now)) {
      return refusal("MKT.9004", `usage_records[${index}].begin_time`);
    }
  }
  return null;
}

/** The instance's life, widened to whole seconds, because records have no finer times. */
export function lifeOf(instance: Instance): { opened: number; closed: number; frozen: number } {
  return {
    opened: Math.floor(Date.parse(instance.opened) / SECOND) * SECOND,
    closed: upTo(instance.closed),
    frozen: instance.frozen ? upTo(instance.frozen) : -Infinity,
  };
}

function upTo(iso: string | null | undefined): number {
  return iso ? Math.ceil(Date.parse(iso) / SECOND) * SECOND : Infinity;
}
