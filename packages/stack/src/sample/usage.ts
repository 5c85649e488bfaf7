import type { UsageInput } from "@quarterpast/client";
import { formatInstant, MINUTE, SECOND, type Micros } from "@quarterpast/domain";
import { INSTANCES, type SampleInstance } from "./catalog.js";
import { randomOf } from "./random.js";

/** One consumption of the sample. */
export interface SampleEvent {
  instance: SampleInstance;
  time: Micros;
  input: UsageInput & { id: string };
}

/**
 * The sample's usage in [from, to), by time. The same times give the same events with the same ids, so that what was
 * not acknowledged before a restart can be made and sent again.
 */
export function usageBetween(from: Micros, to: Micros): SampleEvent[] {
  const events: SampleEvent[] = [];
  for (let minute = Math.floor(from / MINUTE); minute * MINUTE < to; minute += 1) {
    INSTANCES.forEach((instance, at) => events.push(...usageOf(instance, at, minute)));
  }
  return events.filter(({ time }) => time >= from && time < to).sort((a, b) => a.time - b.time);
}

function usageOf(instance: SampleInstance, at: number, minute: number): SampleEvent[] {
  const random = randomOf(at, minute);
  return Array.from({ length: random(2) + (instance.size > 2 ? 1 : 0) }, (_, n) => {
    const time = minute * MINUTE + random(60_000) * (SECOND / 1000);
    const { subject, meter, instanceId } = instance;
    const input = {
      id: `${instanceId}/${minute}/${n}`,
      subject,
      meter: meter.code,
      time: formatInstant(time),
    };
    return { instance, time, input: { ...input, ...amount(instance, random) } };
  });
}

function amount({ meter, size }: SampleInstance, random: (below: number) => number): Partial<UsageInput> {
  switch (meter.aggregation) {
    case "sum":
      return { quantity: decimal(1 + random(size * 40_000), meter.scale) };
    case "count":
      return {};
    case "unique":
      return { value: `user-${random(size * 25)}` };
    case "max":
      return { quantity: decimal(size * 10_000 + random(2_500), meter.scale) };
  }
}

function decimal(units: number, scale: number): string {
  const digits = String(units).padStart(scale + 1, "0");
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
