import type { Text } from "@quarterpast/domain";

/** What settings say, or what is wrong with one of them; no secret is ever in it. */
export type ReadSetting<T> =
  { ok: true; value: T } | { ok: false; problem: { name: string; value: string; right: Text } };

/** A setting that cannot be used. @param value as it may be shown */
export function wrongSetting(name: string, value: string, right: Text): ReadSetting<never> {
  return { ok: false, problem: { name, value, right } };
}
