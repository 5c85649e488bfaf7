import { eventKey } from "@quarterpast/domain";
import { eventually } from "@quarterpast/testkit/services";
import { judge, type Growth, type Sample } from "./memory.js";
import { makeRequest, type FuzzRequest } from "./request.js";
import { isPassed, send, wrongWith, type Answer } from "./send.js";
import type { World } from "./world.js";

const AT_ONCE = 64;
const PARTS = 30;

/** The results of a run. */
export interface FuzzResult {
  seed: number;
  requests: number;
  passed: number;
  /** Operations of the document, and how many of them let at least one request through their schema. */
  endpoints: number;
  reached: number;
  unreached: string[];
  serverErrors: number;
  /** 503 with Retry-After. */
  declared503: number;
  /** Everything that was wrong, the first fifty, each with the request to replay. */
  wrongs: string[];
  acknowledged: number;
  /** Acknowledged events that the ledger does not have. */
  lost: number;
  slowestMs: number;
  seconds: number;
  memory: Record<string, Growth>;
}

/** Sends the requests of a seed, from number `from` on, and checks every answer and its effects. */
export async function run(
  world: World,
  options: {
    seed: number;
    requests: number;
    from?: number;
    isMeasured?: boolean;
    say?: (line: string) => void;
  },
): Promise<FuzzResult> {
  const { seed, requests, from = 0, isMeasured = false, say = () => undefined } = options;
  const begun = performance.now();
  const { operations, words, tokenOf, services } = world;
  const stand = { seed, operations, words, tokenOf };
  const passes = new Map(operations.map(({ name }) => [name, 0]));
  const samples: Record<string, Sample>[] = [];
  const acknowledged = new Set<string>();
  const wrongs: string[] = [];
  let [passed, serverErrors, declared503, slowestMs, next] = [0, 0, 0, 0, from];

  function note(request: FuzzRequest, wrong: string, answer?: Answer): void {
    const { no, method, path, headers, body } = request;
    const { authorization: _, ...shown } = headers;
    const told = answer ? ` -> ${answer.text.slice(0, 300)}` : "";
    if (wrongs.length < 50) {
      const sent = `${method} ${path.slice(0, 300)} ${JSON.stringify(shown)} ${JSON.stringify(body?.subarray(0, 500).toString("latin1") ?? "")}`;
      wrongs.push(`request ${no} of seed ${seed}: ${wrong}: ${sent}${told}`);
      say(wrongs.at(-1)!);
    }
  }

  async function fire(request: FuzzRequest): Promise<void> {
    const { operation } = request;
    const answer = await send(services[operation.service as "api" | "collector"].url, request).catch(String);
    if (typeof answer === "string") return note(request, answer);
    const wrong = wrongWith(answer);
    if (answer.status >= 500 && wrong) serverErrors += 1;
    else if (answer.status >= 500) declared503 += 1;
    if (wrong) note(request, wrong, answer);
    slowestMs = Math.max(slowestMs, answer.ms);
    if (isPassed(answer)) {
      passed += 1;
      if (request.method === operation.method) passes.set(operation.name, passes.get(operation.name)! + 1);
    }
    if (request.events && answer.status < 300) noteAcknowledged(request.events, answer, acknowledged);
  }

  async function sendUpTo(end: number): Promise<void> {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < end) await fire(makeRequest(stand, next++));
      }),
    );
  }

  for (let part = 1; part <= PARTS; part += 1) {
    await sendUpTo(from + Math.floor((requests * part) / PARTS));
    if (isMeasured) samples.push(await world.sample());
    if (part % 3 === 0) say(`${next - from} requests, ${passed} passed, ${wrongs.length} wrong`);
  }
  const names = Object.keys(samples[0] ?? {});
  const unreached = [...passes].flatMap(([name, count]) => (count === 0 ? [name] : []));
  return {
    ...{ seed, requests, passed, endpoints: passes.size, reached: passes.size - unreached.length, unreached },
    ...{ serverErrors, declared503, wrongs, acknowledged: acknowledged.size },
    lost: await countLost(world, acknowledged),
    slowestMs: Math.round(slowestMs),
    seconds: Math.round((performance.now() - begun) / 1_000),
    memory: Object.fromEntries(names.map((name) => [name, judge(samples.map((one) => one[name]!))])),
  };
}

function noteAcknowledged(
  events: Record<string, unknown>[],
  { text }: Answer,
  acknowledged: Set<string>,
): void {
  const { rejected } = JSON.parse(text) as { rejected: { index: number }[] };
  const refused = new Set(rejected.map(({ index }) => index));
  events.forEach((event, at) => {
    if (!refused.has(at)) acknowledged.add(`${String(event["source"])}\n${eventKey(String(event["id"]))}`);
  });
}

/** Waits until every acknowledged event is in the ledger; returns how many never arrive. */
async function countLost({ pipeline: { ledger } }: World, acknowledged: Set<string>): Promise<number> {
  const missing = async (): Promise<number> => {
    const rows = await ledger.rows<{ name: string }>(
      `SELECT source || E'\\n' || key AS name FROM events JOIN sources USING (source_no)`,
    );
    const there = new Set(rows.map(({ name }) => name));
    return [...acknowledged].filter((one) => !there.has(one)).length;
  };
  return eventually(missing, (count) => count === 0, 40_000).catch(missing);
}
