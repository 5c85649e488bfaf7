import type { ErrorCode } from "@quarterpast/domain";
import type { Metrics } from "@quarterpast/runtime";
import type { Durability } from "./flush.js";

/** The collector's metrics. */
export interface CollectorMetrics {
  accepted(events: number, durability: Durability): void;
  rejected(code: ErrorCode): void;
  committed(bytes: number, seconds: number): void;
  reenqueued(): void;
  /** Adds the gauges of entries without a receipt and of the watermark's lag in product seconds. */
  watch(outstanding: () => number, watermarkLagSeconds: () => number): void;
}

const FSYNC_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 3];

/** Registers the collector's metrics. */
export function createCollectorMetrics(
  metrics: Metrics,
  gauged: { bytesInFlight: () => number },
): CollectorMetrics {
  const accepted = metrics.counter("collector_events_accepted_total", "Events acknowledged", ["durability"]);
  const rejected = metrics.counter("collector_events_rejected_total", "Events refused", ["code"]);
  const requests = metrics.counter("collector_batches_total", "Requests that were acknowledged");
  const bytes = metrics.counter("collector_journal_bytes_total", "Bytes written to the journal");
  const again = metrics.counter("collector_entries_enqueued_again_total", "Entries enqueued once more");
  const fsync = metrics.histogram(
    "collector_journal_commit_seconds",
    "Write and fsync of one group of entries",
    [],
    FSYNC_BUCKETS,
  );
  metrics.gauge("collector_in_flight_bytes", "Bytes of requests in progress", [], (gauge) =>
    gauge.set(gauged.bytesInFlight()),
  );
  return {
    accepted(events, durability) {
      requests.inc();
      accepted.inc({ durability }, events);
    },
    rejected: (code) => rejected.inc({ code }),
    committed(written, seconds) {
      bytes.inc(written);
      fsync.observe(seconds);
    },
    reenqueued: () => again.inc(),
    watch(outstanding, watermarkLagSeconds) {
      metrics.gauge("collector_outstanding_entries", "Entries without a receipt", [], (gauge) =>
        gauge.set(outstanding()),
      );
      metrics.gauge("collector_watermark_lag_seconds", "Product time since the watermark", [], (gauge) =>
        gauge.set(watermarkLagSeconds()),
      );
    },
  };
}
