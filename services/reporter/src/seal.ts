import { HOUR, SEAL_RULE, type Micros, type SealRule } from "@quarterpast/domain";
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

/**
 * Seals the first open hour of every shard that is due: when all collectors and expected sources were heard past the
 * hour's end plus the grace, or, as incomplete, at the latest minute whatever is missing (SPEC 8). Hours are the
 * seller's; each sealed one is divided among the accounts that have usage in it.
 * @returns whether another hour may be due immediately.
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
  while ((await divideHours(pool, clock.now())) > 0);
  return sealed > 0;
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
