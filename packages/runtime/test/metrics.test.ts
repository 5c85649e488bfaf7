import { expect, it } from "vitest";
import { createMetrics } from "../src/metrics.js";

it("keeps a registry of its own, with the prefix and Node's metrics", async () => {
  const [one, other] = [createMetrics("one"), createMetrics("other")];
  one.counter("events_total", "Events", ["source"]).inc({ source: "a" }, 2);
  one.histogram("batch_size", "Sizes", [], [10, 100]).observe(50);
  one.gauge("lag_seconds", "Lag", [], (gauge) => gauge.set(7));
  other.counter("events_total", "Events").inc();
  const text = await one.registry.metrics();
  expect(text).toContain('quarterpast_events_total{source="a",service="one"} 2');
  expect(text).toContain('quarterpast_batch_size_bucket{le="100",service="one"} 1');
  expect(text).toContain('quarterpast_lag_seconds{service="one"} 7');
  expect(text).toContain("process_cpu_seconds_total");
  expect(await other.registry.metrics()).toContain('quarterpast_events_total{service="other"} 1');
});
