import type { Text } from "@quarterpast/domain";

/** The result of reading settings, or what is wrong with one of them; never contains a secret. */
export type ReadSetting<T> =
  { ok: true; value: T } | { ok: false; problem: { name: string; value: string; right: Text } };

/** An invalid setting. @param value as it may be shown */
export function wrongSetting(name: string, value: string, right: Text): ReadSetting<never> {
  return { ok: false, problem: { name, value, right } };
}
