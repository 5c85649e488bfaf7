import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commitOf, isCommitted } from "@quarterpast/testkit/commit";
import { measureCopy, measureHttp, measureRedis, measureUpsert } from "./ceilings.js";
import { measureLatency } from "./latency.js";
import { describeMachine, versionOf } from "./machine.js";
import { CONCURRENCIES, measureNaive } from "./naive.js";
import { measureOurs, startOurs, type Ours } from "./ours.js";
import { bytesPerEvent, median, type Figures, type Latencies, type Result } from "./result.js";
import { startServers, type Servers } from "./servers.js";
import { PAGES, tableOf, withTable } from "./table.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const RESULTS = join(ROOT, "test/bench/results.ndjson");

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    only: { type: "string" },
  },
});

/** How much is sent, so that a measurement takes several seconds. */
const SIZES = values.quick
  ? {
      naive: 4_000,
      ours1000: 200_000,
      ours100: 60_000,
      ours1: 20_000,
      rows: 200_000,
      redis: 400_000,
      http: 30_000,
    }
  : {
      naive: 8_000,
      ours1000: 400_000,
      ours100: 200_000,
      ours1: 50_000,
      rows: 400_000,
      redis: 1_000_000,
      http: 60_000,
    };
const RUNS = Number(values.runs ?? (values.quick ? 1 : 3));
const WARM = { ours1000: 60_000, ours100: 20_000, ours1: 5_000 };
const CONNECTIONS = { ours1000: 8, ours100: 24, ours1: 1_024 };
const EVENTS_PER_REQUEST = { ours1000: 1_000, ours100: 100, ours1: 1 };
const LATENCY_SECONDS = 8;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
type Mode = keyof typeof EVENTS_PER_REQUEST;
const MODES: readonly Mode[] = ["ours1000", "ours100", "ours1"];

function ask(mode: Mode, events: number) {
  return { eventsPerRequest: EVENTS_PER_REQUEST[mode], connections: CONNECTIONS[mode], events };
}

async function bestNaive(servers: Servers): Promise<{ rate: number; concurrency: number }> {
  let best = { rate: 0, concurrency: 0 };
  for (const concurrency of CONCURRENCIES) {
    const rate = await measureNaive(servers, concurrency, SIZES.naive);
    say(`  naive, concurrency ${concurrency}: ${Math.round(rate)}/s`);
    if (rate > best.rate) best = { rate, concurrency };
  }
  return best;
}

/** Takes all measurements of one run, one after the other, so that compared figures are from the same time. */
async function measureOnce(
  servers: Servers,
  ours: Ours,
): Promise<{ figures: Figures; naiveConcurrency: number }> {
  const figures: Partial<Figures> = {};
  let naiveConcurrency = 0;
  const measures: Record<keyof Figures, () => Promise<number>> = {
    naive: async () => {
      const { rate, concurrency } = await bestNaive(servers);
      naiveConcurrency = concurrency;
      return rate;
    },
    ours1000: () => measureOurs(ours, ask("ours1000", SIZES.ours1000)),
    copyCeiling: () => measureCopy(servers, SIZES.rows),
    upsertCeiling: () => measureUpsert(servers, SIZES.rows),
    ours100: () => measureOurs(ours, ask("ours100", SIZES.ours100)),
    ours1: () => measureOurs(ours, ask("ours1", SIZES.ours1)),
    redisCeiling: () => measureRedis(servers, SIZES.redis),
    httpCeiling: () => measureHttp(servers, SIZES.http),
    fastifyCeiling: () => measureHttp(servers, SIZES.http, "fastify"),
  };
  for (const [name, measure] of Object.entries(measures) as [keyof Figures, () => Promise<number>][]) {
    if (values.only !== undefined && !values.only.split(",").includes(name)) continue;
    figures[name] = Math.round(await measure());
    say(`${name}: ${figures[name]}/s`);
  }
  return { figures: figures as Figures, naiveConcurrency };
}

async function measureLatencies(ours: Ours, { ours1, ours1000 }: Figures): Promise<Latencies> {
  const half = (mode: Mode, figure: number) =>
    measureLatency(ours, {
      eventsPerRequest: EVENTS_PER_REQUEST[mode],
      connections: CONNECTIONS[mode],
      eventsPerSecond: figure / 2,
      seconds: LATENCY_SECONDS,
    });
  const [one, thousand] = [await half("ours1", ours1), await half("ours1000", ours1000)];
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return {
    ack1: round(one.ack),
    ack1000: round(thousand.ack),
    counted1: round(one.counted),
    counted1000: round(thousand.counted),
  };
}

async function measureAll(servers: Servers): Promise<Result> {
  const ours = await startOurs(servers);
  try {
    for (const mode of MODES) await measureOurs(ours, ask(mode, WARM[mode]));
    const runs: Awaited<ReturnType<typeof measureOnce>>[] = [];
    for (let run = 0; run < RUNS; run += 1) runs.push(await measureOnce(servers, ours));
    const names = Object.keys(runs[0]!.figures) as (keyof Figures)[];
    const figures = Object.fromEntries(
      names.map((name) => [name, median(runs.map((run) => run.figures[name]!))]),
    ) as unknown as Figures;
    return {
      kind: values.quick ? "quick" : "full",
      at: new Date().toISOString(),
      commit: commitOf(ROOT),
      machine: describeMachine(),
      versions: {
        node: process.versions.node,
        ...servers.versions,
        bullmq: versionOf("bullmq"),
        fastify: versionOf("fastify"),
      },
      runs: RUNS,
      naiveConcurrency: median(runs.map((run) => run.naiveConcurrency)),
      figures,
      ...(!values.quick && !values.only && { latencies: await measureLatencies(ours, figures) }),
      bytesPerEvent: await bytesPerEvent(ours.db),
    };
  } finally {
    await ours.stop();
  }
}

const servers = await startServers();
try {
  const result = await measureAll(servers);
  if (values.only === undefined) {
    if (!isCommitted(result.commit)) say(`not kept: ${result.commit} is not a commit`);
    else appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
    if (isCommitted(result.commit) && result.kind === "full") {
      for (const [file, language] of PAGES) {
        const path = join(ROOT, file);
        writeFileSync(path, withTable(readFileSync(path, "utf8"), tableOf(result, language)));
      }
    }
    say("");
    say(tableOf(result, process.env["QUARTERPAST_LANG"]?.startsWith("zh") ? "zh" : "en"));
  } else say(`bytes per event: ${result.bytesPerEvent}`);
  if (values.json) process.stdout.write(`${JSON.stringify(result.figures)}\n`);
} finally {
  await servers.stop();
}
