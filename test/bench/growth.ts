import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import type pg from "pg";
import { seriesOf, type Series } from "./memory.js";
import { measureOurs, startOurs, type Ours } from "./ours.js";
import { bytesPerEvent, median } from "./result.js";
import { startServers } from "./servers.js";

/** What grows with the ledger, and what does not. */
export interface GrowthResult {
  /** Events in the ledger at the first and at the second measurement. */
  small: number;
  large: number;
  /** Events per second with requests of 1,000, medians; `ratio` is the second to the first. */
  smallRate: number;
  largeRate: number;
  ratio: number;
  bytesPerEvent: number;
  /** Minutes at full load, and the events counted in them. */
  minutes: number;
  loaded: number;
  /** MB of private memory of each process in the third minute and in the last, medians. */
  memory: Series;
}

export interface GrowthOptions {
  events?: number;
  minutes: number;
  say: (line: string) => void;
}

const SMALL = 1_000_000;
const LARGE = 50_000_000;
const LARGE_ON_A_SMALL_DISK = 10_000_000;
const NEEDS_FREE_BYTES = 20e9;
const RUNS = 5;
const BATCHES = { eventsPerRequest: 1_000, connections: 8 };
const MEASURED = 300_000;
const CHUNK = 1_000_000;

/** Measures with a small ledger, keeps it at full load, fills it up, and measures again. */
export async function measureGrowth({ events, minutes, say }: GrowthOptions): Promise<GrowthResult> {
  const wanted = events ?? roomFor();
  const servers = await startServers();
  const ours = await startOurs(servers);
  try {
    await measureOurs(ours, { ...BATCHES, events: SMALL });
    const small = await countEvents(ours.db);
    const smallRate = await rateOf(ours);
    say(`${small} events: ${smallRate}/s`);
    const pids = { collector: ours.collector.pid, aggregator: ours.aggregator.pid, ...servers.pids };
    const { loaded, memory } = await loadFor(ours, minutes, pids);
    say(`${minutes} minutes at full load: ${loaded} events; ${JSON.stringify(memory)}`);
    await fillUp(ours.db, wanted, say);
    const large = await countEvents(ours.db);
    const largeRate = await rateOf(ours);
    say(`${large} events: ${largeRate}/s`);
    return {
      small,
      large,
      smallRate,
      largeRate,
      ratio: Math.round((largeRate / smallRate) * 100) / 100,
      bytesPerEvent: await bytesPerEvent(ours.db),
      minutes,
      loaded,
      memory,
    };
  } finally {
    await ours.stop();
    await servers.stop();
  }
}

function roomFor(): number {
  const { bavail, bsize } = statfsSync(tmpdir());
  return bavail * bsize >= NEEDS_FREE_BYTES ? LARGE : LARGE_ON_A_SMALL_DISK;
}

async function rateOf(ours: Ours): Promise<number> {
  const rates: number[] = [];
  for (let run = 0; run < RUNS; run += 1)
    rates.push(await measureOurs(ours, { ...BATCHES, events: MEASURED }));
  return Math.round(median(rates));
}

async function loadFor(ours: Ours, minutes: number, pids: Record<string, number>) {
  const series = seriesOf(pids);
  const until = Date.now() + minutes * 60_000;
  let loaded = 0;
  for (; Date.now() < until; loaded += CHUNK) await measureOurs(ours, { ...BATCHES, events: CHUNK });
  return { loaded, memory: series.stop() };
}

async function countEvents(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ events: number }>("SELECT count(*)::float8 AS events FROM events");
  return rows[0]!.events;
}

/** Inserts what is missing, with ids of the hours before, in the order in which they would have come. */
async function fillUp(db: pg.Client, wanted: number, say: (line: string) => void): Promise<void> {
  await db.query("SET statement_timeout = 0");
  for (let have = await countEvents(db); have < wanted; have += CHUNK) {
    const missing = Math.min(CHUNK, wanted - have);
    await db.query(
      `INSERT INTO events (key, occurred, source_no, instance_no, timed, quantity)
       SELECT uuidv7(make_interval(secs => -($2::float8 - n) / 10000)), now(), s.source_no, 1 + n % 1000, true, 1 + n % 9999
       FROM generate_series($1::bigint + 1, $1::bigint + $3::bigint) n, (SELECT min(source_no) AS source_no FROM sources) s`,
      [have, wanted, missing],
    );
  }
  say(`filled up to ${wanted}`);
  await db.query("VACUUM ANALYZE");
  await db.query("CHECKPOINT");
}
