import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "./run.js";
import { createWorld, type World } from "./world.js";

/** FUZZ_SEED replays a run, FUZZ_FROM starts at a request's number, FUZZ_REQUESTS makes a long one. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
const requests = Number(process.env.FUZZ_REQUESTS ?? 4_000);
const from = Number(process.env.FUZZ_FROM ?? 0);
/** Where the result is written; with it, memory is judged too: a short run never gets past warming up. */
const file = process.env.FUZZ_RESULT;

let world: World;
beforeAll(async () => {
  world = await createWorld(seed);
  // It made the records that the requests are about; in a short run it would only take time.
  if (!file) await world.services.reporter.stop();
}, 120_000);
afterAll(() => world?.pipeline.end(isFailed));
let isFailed = true;

test(
  `${requests} fuzzed requests: no 5xx that is not a declared 503, every endpoint reached, nothing lost`,
  { timeout: 60_000 + requests * 10 },
  async () => {
    const result = await run(world, {
      seed,
      requests,
      from,
      isMeasured: file !== undefined,
      say: (line) => void process.stderr.write(`fuzz: ${line}\n`),
    });
    process.stderr.write(`fuzz: ${JSON.stringify({ ...result, wrongs: result.wrongs.length })}\n`);
    if (file) writeFileSync(file, JSON.stringify(result));
    expect(result.wrongs.slice(0, 10)).toEqual([]);
    expect(result.lost).toBe(0);
    expect(result.unreached).toEqual([]);
    expect(result.passed / requests).toBeGreaterThan(0.3);
    expect(result.declared503 / requests).toBeLessThan(0.01);
    const { reporter, ...others } = world.services;
    for (const service of Object.values(file ? { reporter, ...others } : others)) {
      expect(service.process()?.exitCode, service.url).toBeNull();
      expect((await fetch(`${service.url}/healthz/live`)).status).toBe(200);
    }
    const { checks } = (await world.ask("/v1/doctor")) as { checks: { name: string; ok: boolean }[] };
    expect(checks.find((check) => check.name === "queue")?.ok, "no job is given up").toBe(true);
    if (file) expect(Object.entries(result.memory).filter(([, { isFlat }]) => !isFlat)).toEqual([]);
    isFailed = false;
  },
);
