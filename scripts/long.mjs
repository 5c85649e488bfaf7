import { longTest } from "./longTest.mjs";

const round = (number) => Math.round(number * 10) / 10;

function fuzzLine({ memory, wrongs, unreached, ...told }) {
  const services = Object.entries(memory);
  const sum = (field) => round(services.reduce((total, [, growth]) => total + growth[field], 0));
  const rounded = (growth) =>
    Object.fromEntries(
      Object.entries(growth).map(([field, value]) => [
        field,
        typeof value === "number" ? round(value) : value,
      ]),
    );
  return {
    ...{ part: "fuzz", ...told, wrongs: wrongs.length, unreached },
    ...{ rssStartMb: sum("rssStartMb"), rssEndMb: sum("rssEndMb") },
    ...{ heapStartMb: sum("heapStartMb"), heapEndMb: sum("heapEndMb") },
    isFlat: services.every(([, { isFlat }]) => isFlat),
    memory: Object.fromEntries(services.map(([name, growth]) => [name, rounded(growth)])),
  };
}

/** Tests that are short in `npm test` and long here: options with their defaults, and the line of results.ndjson. */
const LONG = {
  // A seed and a number replay a request.
  fuzz: {
    ...{ prefix: "FUZZ", file: "test/fuzz/fuzz.test.ts" },
    defaults: { requests: "200000", seed: undefined, from: undefined },
    lineOf: fuzzLine,
  },
  spool: {
    ...{ prefix: "SPOOL", file: "test/e2e/spool.test.ts" },
    defaults: { kills: "200", seed: undefined },
    lineOf: (told) => told,
  },
  mutations: {
    ...{ prefix: "MUTATIONS", file: "test/proof/mutations.test.ts" },
    defaults: { count: "100000", seed: undefined },
    lineOf: ({ missed, ...told }) => ({ part: "mutations", ...told, missed: missed.verify + missed.python }),
  },
  reconcile: {
    ...{ prefix: "RECONCILE", file: "test/e2e/reconcile.test.ts" },
    defaults: { records: "100000" },
    lineOf: (told) => ({ part: "reconcile", ...told }),
  },
};

/** Runs one of them to its end. */
export const runLong = (name) => longTest(LONG[name]);
