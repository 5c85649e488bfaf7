// `npm run fuzz [-- --requests N --seed S --from N --json]`: hostile requests to every operation of the api and the
// collector, 200,000 unless told otherwise; memory must stay flat. A seed and a number play a request again.
import { longTest } from "./longTest.mjs";

const round = (number) => Math.round(number * 10) / 10;

await longTest({
  prefix: "FUZZ",
  file: "test/fuzz/fuzz.test.ts",
  defaults: { requests: "200000", seed: undefined, from: undefined },
  lineOf: ({ memory, wrongs, unreached, ...told }) => {
    const services = Object.entries(memory);
    const sum = (field) => round(services.reduce((total, [, growth]) => total + growth[field], 0));
    const each = services.map(([name, growth]) => [
      name,
      Object.fromEntries(
        Object.entries(growth).map(([field, value]) => [
          field,
          typeof value === "number" ? round(value) : value,
        ]),
      ),
    ]);
    return {
      ...{ part: "fuzz", ...told, wrongs: wrongs.length, unreached },
      ...{ rssStartMb: sum("rssStartMb"), rssEndMb: sum("rssEndMb") },
      ...{ heapStartMb: sum("heapStartMb"), heapEndMb: sum("heapEndMb") },
      isFlat: services.every(([, { isFlat }]) => isFlat),
      memory: Object.fromEntries(each),
    };
  },
});
