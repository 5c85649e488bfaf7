import { setTimeout as sleep } from "node:timers/promises";
import { FIRST_MS, HOUR_MS, openStage } from "./stage.js";
import { compare, hourOfUsage, send } from "./usage.js";
import type { LongRun, PartResult } from "./longRun.js";

const RECORDS = 3_600;
const REPLIES = 5_000;
const WITHIN_MS = 25 * 60_000;
const DONE_MS = 5 * 60_000;

/** How the marketplace takes a call without saying so; the first rule that fires decides. */
const rules = (seed: number): object[] => [
  { mode: "accept_then_timeout", probability: 0.2, afterMs: 50, seed },
  { mode: "accept_then_5xx", probability: 0.25, seed: seed + 1 },
  { mode: "garbage", probability: 0.15, style: "html", accepted: true, seed: seed + 2 },
  { mode: "unknown_code", probability: 0.2, accepted: true, seed: seed + 3 },
  { mode: "garbage", probability: 0.1, style: "empty", accepted: true, seed: seed + 4 },
];

/** Each record in a separate call, two thirds of which are answered so that their outcome is unknown. */
export async function ambiguous({ root, dir, seed, say }: LongRun): Promise<PartResult> {
  const stage = await openStage({
    root,
    dir,
    say,
    instances: RECORDS,
    services: { collector: 1, aggregator: 1, reporter: 3 },
    env: { reporter: { RECORDS_PER_CALL: "1" } },
  });
  const count = async (sql: string): Promise<number> =>
    (await stage.pool.query<{ n: number }>(sql)).rows[0]!.n;
  const unclear = () =>
    count("SELECT count(*)::float8 AS n FROM attempts WHERE result IS NULL OR result = 'unknown'");
  const owed = () =>
    count("SELECT count(*)::float8 AS n FROM submissions WHERE state IN ('frozen', 'sent', 'unknown')");
  try {
    await stage.start("collector");
    await stage.start("aggregator");
    await send(stage.collectors, hourOfUsage(RECORDS, FIRST_MS));
    while ((await count("SELECT count(*)::float8 AS n FROM events WHERE instance_no IS NOT NULL")) < RECORDS)
      await sleep(200);
    await stage.setFaults(rules(seed));
    await stage.clock.jump(FIRST_MS + HOUR_MS + 2 * 60_000);
    await stage.clock.setRate(1);
    await stage.start("reporter");
    const from = Date.now();
    let replies = 0;
    while (replies < REPLIES && Date.now() - from < WITHIN_MS) {
      await sleep(2_000);
      replies = await unclear();
      if ((await owed()) === 0 && replies < REPLIES) break;
    }
    say(`${replies} replies told nothing; from now on the marketplace speaks clearly`);
    await stage.setFaults([]);
    for (const until = Date.now() + DONE_MS; (await owed()) > 0 && Date.now() < until;) await sleep(500);
    const left = await owed();
    await sleep(1_000);
    const found = compare(await stage.validTotals(), RECORDS, [FIRST_MS]);
    const calls = await count("SELECT count(*)::float8 AS n FROM attempts");
    const isGood =
      replies >= REPLIES && left === 0 && found.doubled === 0 && found.missing === 0 && found.different === 0;
    return { isGood, figures: { replies: await unclear(), records: RECORDS, calls, left, ...found } };
  } finally {
    await stage.end();
  }
}
