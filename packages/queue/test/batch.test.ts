import { expect, test } from "vitest";
import { decodeBatch, encodeBatch, type UsageBatch } from "../src/batch.js";
import { fc } from "../../domain/test/property.js";

const text = fc.oneof(fc.constantFrom("shop", "customer-1", "tokens", ""), fc.string({ unit: "grapheme" }));
const event = fc.record({
  source: text,
  id: text,
  subject: text,
  meter: text,
  time: fc.integer({ min: 0 }),
  quantity: fc.option(fc.constantFrom("0", "1.5", "999999999999.999999999999"), { nil: undefined }),
  value: fc.option(text, { nil: undefined }),
  extensions: fc.option(fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.integer())), { nil: undefined }),
});
const batch: fc.Arbitrary<UsageBatch> = fc.record({
  collectorNo: fc.nat(),
  seq: fc.nat(),
  received: fc.nat(),
  events: fc.array(event, { maxLength: 40 }),
});

test("a batch comes back from the JSON of its job as it was", () => {
  fc.assert(
    fc.property(batch, (sent) => {
      const job = JSON.parse(JSON.stringify(encodeBatch(sent))) as ReturnType<typeof encodeBatch>;
      expect(decodeBatch(job)).toEqual(sent);
    }),
  );
});

test("each name is in the job once", () => {
  const events = Array.from({ length: 100 }, (_, n) => ({
    source: "shop",
    id: `e${n}`,
    subject: "shop",
    meter: "tokens",
    time: n,
  }));
  const job = encodeBatch({ collectorNo: 1, seq: 1, received: 0, events });
  expect(job.dictionary).toEqual(["shop", "tokens"]);
});

test("a job of another version or shape is refused", () => {
  const job = encodeBatch({ collectorNo: 2, seq: 3, received: 0, events: [] });
  expect(() => decodeBatch({ ...job, v: 2 as 3 })).toThrow(
    /collector 2, entry 3: not a usage batch of version 3/,
  );
  expect(() => decodeBatch({ ...job, ids: ["a"] })).toThrow(TypeError);
});
