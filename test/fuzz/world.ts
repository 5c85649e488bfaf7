import { fileURLToPath } from "node:url";
import { formatInstant, HOUR, MINUTE, SECOND, type KeyRole } from "@quarterpast/domain";
import { createKey, keepCases } from "@quarterpast/store";
import { H } from "@quarterpast/testkit";
import {
  createPipeline,
  eventually,
  type Pipeline,
  type ServiceProcess,
} from "@quarterpast/testkit/services";
import type { Sample } from "./memory.js";
import { collectorOperation, operationsOf, type Operation } from "./operations.js";
import type { Words } from "./schema.js";
import { createWords } from "./words.js";

const PROBE = fileURLToPath(new URL("memoryProbe.mjs", import.meta.url));
/** Product time at which the fuzzing begins: two hours are filed by then. */
const NOW = H + 2 * HOUR + 30 * MINUTE;
const FAST = 1_800;
const MIB = 1_048_576;

/** The whole stack as processes, with two hours of usage filed, and what the fuzz knows about it. */
export interface World {
  pipeline: Pipeline;
  operations: Operation[];
  words: Words;
  tokenOf(role: string): string;
  services: Record<"collector" | "aggregator" | "reporter" | "api", ServiceProcess>;
  /** Memory of each service after a full collection. */
  sample(): Promise<Record<string, Sample>>;
  ask(path: string, body?: object): Promise<unknown>;
}

const ROLES: KeyRole[] = ["ingest", "finance", "auditor"];

/** Starts the services, files two hours, and learns the words in the api's lists. */
export async function createWorld(seed: number): Promise<World> {
  const execArgv = ["--expose-gc", "--import", PROBE];
  const pipeline = await createPipeline(H, { execArgv, isProving: true });
  const { ledger, collector, aggregator, reporter, api, token } = pipeline;
  const tokenOf = (role: string) =>
    role === "operator" ? token : `qp_${role}_${"0123456789abcdef".repeat(2)}`;
  for (const role of ROLES) {
    const key = { keyId: role, name: role, role, token: tokenOf(role) };
    await createKey(ledger.pool, key, H);
  }
  const services = { collector, aggregator, reporter, api };
  await Promise.all(Object.values(services).map((service) => service.start()));

  async function ask(path: string, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const url = path === "/v1/events" ? collector.url : api.url;
    const sent = body && { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(url + path, { headers, ...sent });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    // Exports and proofs stream lines: nothing is learned from those.
    return answer.headers.get("content-type")?.startsWith("application/json") ? answer.json() : {};
  }

  await fileTwoHours(pipeline, ask);
  const operations = [...operationsOf(await ask("/v1/openapi.json")), collectorOperation()];
  const words = createWords(seed, NOW / 1_000);
  for (const { method, path, parameters } of operations)
    if (method === "GET" && !path.includes("{")) await learn(words, path, parameters, ask);
  return { pipeline, operations, words, tokenOf, services, ask, sample: () => sampleAll(services) };
}

const SUBJECTS = 12;

async function fileTwoHours(pipeline: Pipeline, ask: World["ask"]): Promise<void> {
  const { ledger } = pipeline;
  for (const [code, aggregation] of Object.entries({
    tokens: "sum",
    calls: "count",
    peak: "max",
    users: "unique",
  }))
    await ask("/v1/meters", { code, aggregation });
  const opened = formatInstant(H - 24 * HOUR);
  for (let no = 0; no < SUBJECTS; no += 1) {
    const meter = ["tokens", "calls", "peak", "users"][no % 4];
    await ask("/v1/instances", {
      instanceId: `i-${no}`,
      product: "llm",
      meter,
      subject: `customer-${no}`,
      opened,
    });
  }
  const bands = [{ upTo: null, unitPrice: "0.2" }];
  const price = {
    product: "llm",
    meter: "tokens",
    validFrom: opened,
    model: "fixed",
    currency: "CNY",
    bands,
  };
  await ask("/v1/prices", price);
  await ask("/v1/sources", { source: "gateway" });
  for (const hour of [0, 1]) {
    const events = Array.from({ length: SUBJECTS * 3 }, (_, no) => ({
      ...{ specversion: "1.0", id: `seed-${hour}-${no}`, source: "gateway", subject: `customer-${no % 13}` },
      ...{
        type: ["tokens", "calls", "peak", "users"][no % 4],
        time: formatInstant(H + hour * HOUR + no * SECOND),
      },
      data: { quantity: "1.5", value: `user-${no}` },
    }));
    await pipeline.runClock(H + hour * HOUR + 5 * MINUTE, 0);
    // A service gets the new time within a second: until then these events are in the future for it.
    const sent = () =>
      (ask("/v1/events", events) as Promise<{ accepted: number }>).catch(() => ({ accepted: 0 }));
    await eventually(sent, ({ accepted }) => accepted === events.length);
  }
  await eventually(
    () => ledger.rows("SELECT 1 FROM events"),
    (rows) => rows.length === SUBJECTS * 6,
  );
  await pipeline.runClock(H + HOUR + 6 * MINUTE, FAST);
  const manifests = () => ledger.rows("SELECT 1 FROM manifests");
  await eventually(manifests, (rows) => rows.length >= 2, 40_000);
  await pipeline.runClock(NOW, 1);
  await keepCases(ledger.pool, ledger.account.accountNo, NOW);
}

/** Learns every text and number in the items of a list. */
async function learn(words: Words, path: string, parameters: Operation["parameters"], ask: World["ask"]) {
  // A month may replace a span of hours: neither is required by itself.
  const required = parameters.filter(({ name, required: must }) => must || name === "from" || name === "to");
  const known: Record<string, string> = {
    from: formatInstant(H - HOUR),
    to: formatInstant(NOW + 2 * HOUR - (NOW % HOUR)),
    month: "2026-03",
    source: "gateway",
    id: "seed-0-0",
  };
  if (required.some(({ name }) => known[name] === undefined) || path.includes("exports")) return;
  const query = new URLSearchParams(required.map(({ name }): [string, string] => [name, known[name]!]));
  const told = (await ask(`${path}?${query}`)) as { items?: Record<string, unknown>[]; next?: unknown };
  const resource = path.split("/")[2]!;
  if (typeof told.next === "string") words.learn(resource, "cursor", told.next);
  for (const item of told.items ?? [])
    for (const [field, value] of Object.entries(item))
      if (typeof value === "string" || typeof value === "number") words.learn(resource, field, String(value));
}

async function sampleAll(services: World["services"]): Promise<Record<string, Sample>> {
  const taken = Object.entries(services).map(async ([name, service]): Promise<[string, Sample]> => {
    const child = service.process();
    if (!child) throw new Error(`${name} does not run any more`);
    const told = new Promise<NodeJS.MemoryUsage>((resolve) => {
      const hear = (message: unknown) => {
        const { memory } = message as { memory?: NodeJS.MemoryUsage };
        if (!memory) return;
        child.off("message", hear);
        resolve(memory);
      };
      child.on("message", hear);
    });
    child.send("memory");
    const { heapUsed, external, rss } = await told;
    return [name, { heapMb: (heapUsed + external) / MIB, rssMb: rss / MIB }];
  });
  return Object.fromEntries(await Promise.all(taken));
}
