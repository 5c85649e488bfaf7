import { HOUR, hourOf, SEAL_RULE, type Micros, type SealRule } from "@quarterpast/domain";
import { type Clock, faultPoint, type Logger } from "@quarterpast/runtime";
import {
  divideHours,
  lowestWatermark,
  readShards,
  sealHour,
  silentSources,
  type Pool,
} from "@quarterpast/store";

export interface SealDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  rule?: SealRule;
}

/** Product ms until the next hour may be sealed. */
export function msUntilSealing(now: Micros, { grace }: SealRule = SEAL_RULE): number {
  return Math.ceil((hourOf(now - grace) + HOUR + grace - now) / 1_000);
}

/**
 * Seals the first open hour of every shard that is due: when all collectors and expected sources were heard past the
 * hour's end by the grace, or, as incomplete, at the latest minute whatever is missing (SPEC 8). Hours are the seller's;
 * each that is sealed is divided among the accounts that have usage in it.
 * @returns whether it sealed or divided one; another may be due at once.
 */
export async function sealDueHours({ pool, clock, logger, rule = SEAL_RULE }: SealDeps): Promise<boolean> {
  const verdicts = new Map<Micros, HourVerdict>();
  let sealed = 0;
  for (const { shard, openHour: hour } of await readShards(pool)) {
    if (clock.now() < hour + HOUR + rule.grace) continue;
    const verdict = verdicts.get(hour) ?? (await judgeHour(pool, hour, rule, clock.real()));
    verdicts.set(hour, verdict);
    const now = clock.now();
    if (!verdict.complete && now < hour + HOUR + rule.latest) continue;
    await faultPoint("reporter.beforeSeal");
    const status = await sealHour(pool, { shard, hour, ...verdict, now });
    await faultPoint("reporter.afterSeal");
    if (!status) continue;
    sealed += 1;
    if (status === "incomplete")
      logger.warn({ hour, shard, reason: verdict.reason }, "hour sealed as incomplete");
    else logger.debug({ hour, shard, status }, "hour sealed");
  }
  let divided = 0;
  for (let more = 1; more > 0; divided += more) more = await divideHours(pool, clock.now());
  return sealed + divided > 0;
}

interface HourVerdict {
  complete: boolean;
  /** What is missing; empty if nothing is. */
  reason: string;
}

async function judgeHour(pool: Pool, hour: Micros, rule: SealRule, real: Micros): Promise<HourVerdict> {
  const watermark = await lowestWatermark(pool, real);
  const behind = watermark !== undefined && watermark < hour + HOUR + rule.grace;
  const silent = await silentSources(pool, hour);
  const reasons = [
    ...(behind ? ["a collector has not confirmed all it acknowledged"] : []),
    ...(silent.length > 0 ? [`not heard: ${silent.join(", ")}`] : []),
  ];
  return { complete: reasons.length === 0, reason: reasons.join("; ") };
}
