import type pg from "pg";

/** The output of `npm run bench -- --json`: events per second. */
export interface Figures {
  naive: number;
  ours1000: number;
  ours100: number;
  ours1: number;
  copyCeiling: number;
  upsertCeiling: number;
  redisCeiling: number;
  httpCeiling: number;
  /** Results of before it was measured have none. */
  fastifyCeiling?: number;
}

/** Milliseconds at half of the load measured before. */
export interface Latencies {
  /** From when a request was due to its answer, 99th percentile. */
  ack1: number;
  ack1000: number;
  /** From the answer to the event's place in its hour, 99th percentile. */
  counted1: number;
  counted1000: number;
}

/** One line of results.ndjson. */
export interface Result {
  kind: "full" | "quick";
  at: string;
  commit: string;
  machine: { cpu: string; cores: number; memoryGiB: number; platform: string };
  versions: { node: string; postgres: string; redis: string; bullmq: string; fastify: string };
  /** How often each was measured; the figures are medians. */
  runs: number;
  /** The concurrency at which the naive pipeline was fastest. */
  naiveConcurrency: number;
  figures: Figures;
  latencies?: Latencies;
  /** Bytes of Postgres per event, indexes included. */
  bytesPerEvent?: number;
}

/** The middle value; for an even count the lower of the two middle ones. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]!;
}

/** The value that a share of the ascending values does not exceed. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

/** Bytes that an event takes on the disk of Postgres, indexes included. */
export async function bytesPerEvent(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT sum(pg_total_relation_size(c.oid))::float8 / (SELECT count(*) FROM events) AS bytes
     FROM pg_class c WHERE c.relkind = 'r' AND (c.oid = 'events'::regclass
       OR c.oid IN (SELECT relid FROM pg_partition_tree('events')))`,
  );
  return Math.round(rows[0]!.bytes * 10) / 10;
}
