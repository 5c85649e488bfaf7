import type { Random } from "../crash/random.js";
import { nastyValue } from "./nasty.js";

/** The value with one thing in it corrupted, at any depth. */
export function damageValue(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.03)) return nastyValue(random);
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])];
    if (list.length === 0 || random.chance(0.1)) return [...list, nastyValue(random)];
    const at = random.int(0, list.length - 1);
    list[at] = damageValue(list[at], random);
    return list;
  }
  const copy: Record<string, unknown> = { ...value };
  const names = Object.keys(copy);
  const name = names.length > 0 ? random.pick(names) : "extra";
  const roll = random.next();
  if (roll < 0.2) delete copy[name];
  else if (roll < 0.35)
    copy[random.pick(["extra", "constructor", "prototype", "x".repeat(300), "", "é", "\u0000"])] = 1;
  else if (roll < 0.4) return Object.defineProperty(copy, "__proto__", { value: { x: 1 }, enumerable: true });
  else copy[name] = damageValue(copy[name], random);
  return copy;
}
