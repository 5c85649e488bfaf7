import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const PREFIX = "quarterpast_";

/** The metrics of one process, in their own registry. Names get the prefix `quarterpast_`. */
export interface Metrics {
  registry: Registry;
  /** A counter that only grows; its name ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** A value that goes up and down; `collect` may set it just before it is read. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  /** A distribution; `buckets` are upper bounds in the unit at the end of the name. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
}

/** How often the event loop's lag is sampled, ms: each sample wakes the process, and at 10 that is 1 % of a core. */
const LAG_EVERY_MS = 100;
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Creates the registry of a service with Node's own metrics; every series has the label `service`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS });
  const common = (name: string, help: string, labels: readonly string[]) => ({
    name: PREFIX + name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  return {
    registry,
    counter: <L extends string>(name: string, help: string, labels: readonly L[] = []) =>
      new Counter<L>({ ...common(name, help, labels), labelNames: [...labels] }),
    gauge: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (gauge: Gauge<L>) => void | Promise<void>,
    ) =>
      new Gauge<L>({
        ...common(name, help, labels),
        labelNames: [...labels],
        ...(collect && {
          collect() {
            return collect(this);
          },
        }),
      }),
    histogram: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      buckets: readonly number[] = SECONDS,
    ) => new Histogram<L>({ ...common(name, help, labels), labelNames: [...labels], buckets: [...buckets] }),
  };
}
