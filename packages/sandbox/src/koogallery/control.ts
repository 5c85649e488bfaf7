import type { ProductClock } from "./clock.js";
import type { Faults } from "./faults/faults.js";
import type { Engine } from "./ledger/engine.js";
import type { Journal } from "./ledger/journal.js";
import type { Instance, Registry } from "./rules/instances.js";

/** Product time in answers; instants in ISO 8601. `start`, `at` are null while product time is real time. */
export type ClockView = {
  start: string | null;
  at: string | null;
  rate: number;
  product: string;
  real: string;
};
export type ClockInput = { start: string; at?: string | undefined; rate: number };

export type Control = {
  faults: Faults;
  clock(): ClockView;
  /** Sets product time and stores it; `at` is by default now. Then makes the collections that are due. */
  setClock(input: ClockInput): Promise<ClockView>;
  instances(): ReturnType<Registry["all"]>;
  setInstance(id: string, instance: Instance): Promise<void>;
};

type ControlParts = {
  faults: Faults;
  registry: Registry;
  productClock: ProductClock;
  journal: Journal;
  engine: Engine;
  realNow: () => number;
};

/** What controls a sandbox from outside; everything except the faults survives a restart. */
export function createControl(parts: ControlParts): Control {
  const { faults, registry, productClock, journal, engine, realNow } = parts;

  function clock(): ClockView {
    const set = productClock.settings();
    return {
      start: set ? new Date(set.start).toISOString() : null,
      at: set ? new Date(set.at).toISOString() : null,
      rate: set?.rate ?? 1,
      product: new Date(productClock.now()).toISOString(),
      real: new Date(realNow()).toISOString(),
    };
  }

  return {
    faults,
    clock,
    async setClock({ start, at, rate }) {
      const settings = { start: Date.parse(start), at: at === undefined ? realNow() : Date.parse(at), rate };
      const iso = (instant: number) => new Date(instant).toISOString();
      await journal.append([{ kind: "clock", start: iso(settings.start), at: iso(settings.at), rate }]);
      productClock.set(settings);
      await engine.tick();
      return clock();
    },
    instances: () => registry.all(),
    async setInstance(id, instance) {
      await journal.append([{ kind: "instance", id, instance }]);
      registry.set(id, instance);
    },
  };
}
