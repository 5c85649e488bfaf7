import { createRandom, type Random } from "./random.js";
import type { Fault } from "./schema.js";

/** A rule that applies to a call, with the rule's own random sequence for further choices. */
export type Drawn = { rule: Fault; random: Random };

export type Faults = {
  /** Replaces all rules; the counting of calls starts over. */
  set(rules: Fault[]): void;
  /** The rules with how often each applied. */
  list(): (Fault & { hits: number })[];
  /** What happens to the next call: the first rule that applies, or null. */
  draw(): Drawn | null;
};

type Standing = { rule: Fault; random: Random; hits: number };

/** Fault rules in memory; `productNow` is for rules that apply between two instants. */
export function createFaults(productNow: () => number): Faults {
  let standing: Standing[] = [];
  let call = 0;

  function takes({ rule, random, hits }: Standing): boolean {
    if (rule.times !== undefined && hits >= rule.times) return false;
    if (rule.calls && !rule.calls.includes(call)) return false;
    if (rule.every && call % rule.every !== 0) return false;
    const now = productNow();
    if (rule.from && now < Date.parse(rule.from)) return false;
    if (rule.until && now >= Date.parse(rule.until)) return false;
    return random() < rule.probability;
  }

  return {
    set(rules) {
      standing = rules.map((rule) => ({ rule, random: createRandom(rule.seed), hits: 0 }));
      call = 0;
    },
    list: () => standing.map(({ rule, hits }) => ({ ...rule, hits })),
    draw() {
      call += 1;
      const hit = standing.find(takes);
      if (!hit) return null;
      hit.hits += 1;
      return { rule: hit.rule, random: hit.random };
    },
  };
}
