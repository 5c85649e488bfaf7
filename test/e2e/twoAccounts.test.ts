import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API, type Route } from "@quarterpast/contract";
import { formatInstant, HOUR, MINUTE, shardOf, type Micros } from "@quarterpast/domain";
import { createKey } from "@quarterpast/store";
import { H, secondAccount, type Ledger } from "@quarterpast/testkit";
import { startMadeUpServer, type MadeUpRecord, type MadeUpServer } from "@quarterpast/testkit/madeUp";
import { createPipeline, PIPELINE_KEY, type Pipeline } from "@quarterpast/testkit/services";
import { afterAll, beforeAll, expect, test } from "vitest";

/** The services learn of the made-up marketplace as they start: nothing of theirs names it. */
const REGISTER = import.meta.resolve("@quarterpast/testkit/madeUp/register");
const MADE_UP_KEY = "made-up-key";
/** Instances of the made-up account, all of one shard: they fill more than one call of 25. */
const MANY = Array.from({ length: 1_000 }, (_, n) => `m-${n}`)
  .filter((id) => shardOf(id) === shardOf("m-0"))
  .slice(0, 30);
const KEYS = { limited: "finance1", all: "finance2" };
const tokenOf = (id: string) => `qp_${id}_${"0123456789abcdef".repeat(2)}`;

let dir: string;
let market: MadeUpServer;
let line: Pipeline;
let cn: Ledger;
let made: Ledger;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quarterpast-accounts-"));
  market = await startMadeUpServer(MADE_UP_KEY);
  writeFileSync(join(dir, "cn-key"), PIPELINE_KEY);
  writeFileSync(join(dir, "made-up-key"), "a-wrong-key");
  line = await createPipeline(H, { accounts: accountsFile, execArgv: ["--import", REGISTER] });
  cn = line.ledger;
  made = await secondAccount(cn, "made-up", { marketplace: "madeup", site: "main" });
  await cn.meter("tokens", "sum");
  await cn.instance("i-1", "tokens", "customer-1");
  for (const id of MANY) await made.instance(id, "tokens", `made-${id}`);
  // One customer who bought at both, under the same instance id: only the account says what is whose.
  await cn.instance("both", "tokens", "customer-both");
  await made.instance("both", "tokens", "customer-both");
  await line.runClock(H + 2 * MINUTE, 1);
  await Promise.all([line.collector, line.aggregator, line.reporter, line.api].map((one) => one.start()));
}, 60_000);
afterAll(async () => {
  await line.end();
  await market.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Both accounts in one file. */
const accountsFile = (sandboxUrl: string) => `accounts:
  - code: koogallery-cn
    marketplace: koogallery
    site: cn
    settings: { MARKETPLACE_URL: "${sandboxUrl}", MARKETPLACE_STATEMENT_PATH: /sandbox/sdr }
    secrets: { MARKETPLACE_KEY: { file: ${join(dir, "cn-key")} } }
  - code: made-up
    marketplace: madeup
    site: main
    settings: { MADE_UP_URL: "${market.url}" }
    secrets: { MADE_UP_KEY: { file: ${join(dir, "made-up-key")} } }
`;

type Sent = [subject: string, quantity: string, account?: string];

/** Sends usage of an hour as one request of one source, as a product service does that sells at both. */
async function send(hour: Micros, usage: readonly Sent[]): Promise<unknown> {
  const events = usage.map(([subject, quantity, account], at) => ({
    ...{ specversion: "1.0", id: `${formatInstant(hour)}-${at}`, source: "app", type: "tokens", subject },
    ...{ time: formatInstant(hour + MINUTE), data: { quantity }, ...(account !== undefined && { account }) },
  }));
  const reply = await fetch(`${line.collector.url}/v1/events`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${line.token}`,
      "content-type": "application/cloudevents-batch+json",
    },
    body: JSON.stringify(events),
  });
  return reply.json();
}

const count = async (sql: string): Promise<number> => (await cn.rows<{ n: number }>(sql))[0]!.n;
const counted = () => count("SELECT COALESCE(sum(events), 0)::int AS n FROM hour_usage");
/** Records of an hour, by account and state. */
async function states(hour: Micros): Promise<Record<string, number>> {
  const rows = await cn.rows<{ of: string; n: number }>(
    "SELECT account || ' ' || state AS of, count(*)::int AS n FROM billing.records WHERE hour = $1 GROUP BY 1",
    [formatInstant(hour)],
  );
  return Object.fromEntries(rows.map(({ of, n }) => [of, n]));
}
/** What the marketplaces hold, by instance: usage and begins. */
const koogallery = () =>
  line.sandbox.store
    .records()
    .map(({ instance_id, usage_value }) => `${instance_id} ${Number(usage_value)}`)
    .sort();
const madeUp = (hour: Micros) =>
  [...market.filed.values()]
    .filter(({ at }) => at.startsWith(formatInstant(hour).slice(0, 13).replaceAll("-", "")))
    .map(({ instance, units }) => `${instance} ${units}`)
    .sort();
const callSizes = (hour: Micros) =>
  market.bodies
    .map((body) => (JSON.parse(body) as { records: MadeUpRecord[] }).records)
    .filter((records) => records[0]?.at === formatInstant(hour).replace(/[-:]/g, ""))
    .map(({ length }) => length)
    .toSorted((a, b) => b - a);
const LATE =
  "SELECT count(*)::int AS n FROM billing.records WHERE state = 'accepted' AND settled_at >= window_ends";
const until = { timeout: 60_000, interval: 100 };

test("one stream is filed by each account's own rules, and in time while the other account is halted", async () => {
  const usage: Sent[] = [
    ["customer-1", "0.33335"],
    ...MANY.map((id): Sent => [`made-${id}`, "2.75"]),
    ["customer-both", "1.00005", "koogallery-cn"],
    ["customer-both", "7.5", "made-up"],
    ["customer-both", "100"],
  ];
  expect(await send(H, usage)).toMatchObject({ accepted: usage.length, rejected: [] });
  await expect.poll(counted, until).toBe(usage.length - 1);
  expect(await cn.rows("SELECT reason FROM quarantine")).toEqual([{ reason: "ambiguous_account" }]);

  await line.runClock(H + HOUR + 2 * MINUTE, 1);
  await expect
    .poll(() => states(H), until)
    .toEqual({ "koogallery-cn accepted": 2, "made-up frozen": MANY.length + 1 });
  expect(await cn.rows("SELECT code, halted_code FROM accounts ORDER BY account_no")).toEqual([
    { code: "koogallery-cn", halted_code: null },
    { code: "made-up", halted_code: "BAD_KEY" },
  ]);
  expect(koogallery()).toEqual(["both 1", "i-1 0.3333"]);
  expect(madeUp(H)).toEqual([]);

  // The right key is read from its file; the next probe lets what waits go out.
  writeFileSync(join(dir, "made-up-key"), MADE_UP_KEY);
  await expect
    .poll(() => states(H), until)
    .toEqual({ "koogallery-cn accepted": 2, "made-up accepted": MANY.length + 1 });
  expect(madeUp(H)).toEqual(["both 7", ...MANY.map((id) => `${id} 2`)].sort());
  expect(koogallery()).toEqual(["both 1", "i-1 0.3333"]);
  expect(await count(LATE)).toBe(0);
  const residues = await cn.rows(
    `SELECT DISTINCT a.code, trim_scale(residue)::text AS residue FROM residues JOIN instances USING (instance_no)
     JOIN accounts a USING (account_no) ORDER BY 1, 2`,
  );
  expect(residues).toEqual([
    { code: "koogallery-cn", residue: "0.00005" },
    { code: "made-up", residue: "0.5" },
    { code: "made-up", residue: "0.75" },
  ]);
}, 120_000);

test("a marketplace that is away keeps its own account waiting only; the residue of each goes on", async () => {
  const next = H + HOUR;
  await line.runClock(next + 5 * MINUTE, 1);
  line.sandbox.setFaults([{ mode: "down" }]);
  const before = await counted();
  const usage: Sent[] = [
    ["customer-1", "0.00005"],
    ...MANY.map((id): Sent => [`made-${id}`, "0.5"]),
    ["customer-both", "0.5", "made-up"],
  ];
  expect(await send(next, usage)).toMatchObject({ accepted: usage.length, rejected: [] });
  await expect.poll(counted, until).toBe(before + usage.length);

  await line.runClock(next + HOUR + 2 * MINUTE, 1);
  await expect.poll(() => states(next), until).toMatchObject({ "made-up accepted": MANY.length + 1 });
  expect(madeUp(next)).toEqual(["both 1", ...MANY.map((id) => `${id} 1`)].sort());
  expect(callSizes(next).slice(0, 2)).toEqual([25, 5]);
  expect(koogallery()).toEqual(["both 1", "i-1 0.3333"]);
  await expect
    .poll(() => count("SELECT max(attempts) AS n FROM submissions WHERE state <> 'accepted'"), until)
    .toBeGreaterThanOrEqual(4);

  line.sandbox.setFaults([]);
  await expect
    .poll(() => states(next), until)
    .toEqual({ "koogallery-cn accepted": 1, "made-up accepted": MANY.length + 1 });
  expect(koogallery()).toEqual(["both 1", "i-1 0.0001", "i-1 0.3333"]);
  expect(await count(LATE)).toBe(0);
}, 120_000);

const SPAN = { from: formatInstant(H), to: formatInstant(H + 2 * HOUR) };
/** What each reading route is asked with; a route that asks for nothing needs no line. */
const ASKED: Readonly<Record<string, Record<string, string>>> = {
  readRevenue: { month: "2026-03", by: "instance" },
  readEventProof: { source: "app", id: `${formatInstant(H)}-1` },
  exportRecords: { ...SPAN, format: "ndjson" },
  ...{ listManifests: SPAN, summarize: SPAN, summarizeDays: SPAN, rebuildHours: SPAN },
};
/** Routes of what belongs to the seller as a whole: for keys of all accounts. */
const SELLERS = ["listAccountRules", "listSources"];
const reading = Object.entries(API).filter(
  ([, { method, roles }]: [string, Route]) => method === "GET" && roles.some((role) => role === "finance"),
);

test("a finance key limited to one account sees nothing of the other", async () => {
  for (const [keyId, accounts] of [
    [KEYS.limited, ["koogallery-cn"]],
    [KEYS.all, null],
  ] satisfies [string, string[] | null][])
    await createKey(cn.pool, { keyId, name: keyId, role: "finance", token: tokenOf(keyId), accounts }, H);
  const price = {
    ...{ product: "product", meter: "tokens", validFrom: formatInstant(H), model: "fixed", currency: "CNY" },
    bands: [{ upTo: null, unitPrice: "0.777" }],
  };
  expect(await ask(line.token, "/v1/prices?account=made-up", price)).toMatchObject({ status: 201 });
  await expect.poll(() => ask(tokenOf(KEYS.all), "/v1/accounts"), until).toMatchObject({ status: 200 });
  const [theirs] = await cn.rows<{ sn: string }>(
    "SELECT sn FROM billing.records WHERE account = 'made-up' ORDER BY sn LIMIT 1",
  );
  const params: Record<string, string> = {
    sn: theirs!.sn,
    id: MANY[0]!,
    hour: formatInstant(H),
    bill: "1",
    line: "1",
  };
  const shown: string[] = [];
  for (const [name, { path, query }] of reading as [string, Route][]) {
    const filled = path.replace(/:(\w+)/g, (_, field: string) => encodeURIComponent(params[field]!));
    const search = new URLSearchParams(ASKED[name]).toString();
    const answer = await ask(tokenOf(KEYS.limited), `${filled}?${search}`);
    const marks = [...MANY, ...MANY.map((id) => `made-${id}`), "made-up", "0.777", theirs!.sn].filter(
      (mark) => answer.text.includes(JSON.stringify(mark)),
    );
    expect({ name, marks }).toEqual({ name, marks: [] });
    // Asked for by name, it is as if it were not there.
    const isTheirs = path.includes(":") || name === "readEventProof";
    const right = SELLERS.includes(name) ? [403] : isTheirs ? [400, 404] : [200];
    expect({ name, ...answer, right }).toMatchObject({ status: expect.toBeOneOf(right) as number });
    if (query?.shape["account"] && !isTheirs) {
      const named = await ask(tokenOf(KEYS.limited), `${filled}?${search}&account=made-up`);
      expect({ name, status: named.status }).toEqual({ name, status: 404 });
      const all = await ask(tokenOf(KEYS.all), `${filled}?${search}`);
      if (MANY.some((id) => all.text.includes(JSON.stringify(id)))) shown.push(name);
    }
  }
  // The same routes do show the other account to a key that may see it.
  expect(shown).toEqual(
    expect.arrayContaining(["listInstances", "listRecords", "exportRecords", "readRevenue"]),
  );
}, 60_000);

async function ask(token: string, path: string, body?: unknown) {
  const reply = await fetch(line.api.url + path, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: reply.status, text: await reply.text() };
}
