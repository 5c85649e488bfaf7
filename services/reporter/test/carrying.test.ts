import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHourVerifier, createRun, HOUR, MINUTE } from "@quarterpast/domain";
import { createLogger } from "@quarterpast/runtime";
import { actOnCase, keepCases, readCases, takeStatement } from "@quarterpast/store";
import { H } from "@quarterpast/testkit";
import { afterEach, expect, test } from "vitest";
import { openProofKey, writePublicKey } from "../src/proofKey.js";
import { proveHours } from "../src/prove.js";
import { submitNext } from "../src/submit.js";
import { openSlotBench, type SlotBench } from "./slotBench.js";

let bench: SlotBench;
afterEach((context) => bench.end(context.task.result?.state === "fail"));

interface Row {
  hour: number;
  state: string;
  quantity: string;
  carried: string | null;
}

/** Records of an instance, by hour. */
const recordsOf = (id: string): Promise<Row[]> =>
  bench.ledger.rows<Row>(
    `SELECT ((extract(epoch FROM r.hour) - ${H / 1e6}) / 3600)::integer AS hour, b.state,
       trim_scale(r.quantity)::text AS quantity, trim_scale(r.carried)::text AS carried
     FROM billing.records b JOIN records r USING (sn) WHERE b.instance_id = $1 ORDER BY r.seq`,
    [id],
  );

/** The marketplace answers so for the instance's records that are about to go out. */
async function answer(fates: Readonly<Record<string, string>>): Promise<void> {
  const rows = await bench.ledger.rows<{ sn: string; id: string }>(
    "SELECT sn, instance_id AS id FROM billing.records WHERE state = 'frozen'",
  );
  for (const { sn, id } of rows) if (fates[id] !== undefined) bench.market.answers.set(sn, fates[id]);
}

test("what is refused or expired goes out with the next hour, once; what is unknown never", async () => {
  bench = await openSlotBench();
  const fates = { refused: "CLOSED", expired: "OLD", behind: "HELD", unknown: "SILENT" };
  for (const id of Object.keys(fates)) {
    await bench.instance(id);
    await bench.used(id, "5.5");
  }
  await bench.used("expired", "2", 1);
  await bench.freeze(0);
  await answer(fates);
  // One call only: what is silent would go out again, and be taken.
  await submitNext(bench.deps());
  await bench.freeze(2);
  expect(await recordsOf("refused")).toEqual([
    { hour: 0, state: "carried", quantity: "5", carried: null },
    { hour: 1, state: "frozen", quantity: "5", carried: "5" },
  ]);
  expect(await recordsOf("expired")).toEqual([
    { hour: 0, state: "carried", quantity: "5", carried: null },
    { hour: 1, state: "frozen", quantity: "7", carried: "5" },
  ]);
  expect(await recordsOf("behind")).toMatchObject([{ hour: 0, state: "conflict", quantity: "5" }]);
  expect(await recordsOf("unknown")).toMatchObject([{ hour: 0, state: "unknown", quantity: "5" }]);
  await bench.submit();
  expect(await recordsOf("refused")).toMatchObject([{ state: "carried" }, { state: "accepted" }]);
  const filed = [...bench.market.filed.values()].filter(({ instance }) => instance === "refused");
  expect(filed.map(({ units }) => units)).toEqual(["5"]);
});

test("what is refused again is carried again; of a life that is over it stays where it is", async () => {
  bench = await openSlotBench();
  await bench.instance("open");
  await bench.instance("closed", { opened: H, closed: H + HOUR });
  await bench.used("open", "3");
  await bench.used("closed", "4");
  for (const hour of [0, 1, 2]) {
    await bench.freeze(hour);
    await answer({ open: "CLOSED", closed: "CLOSED" });
    await bench.submit();
  }
  expect(await recordsOf("open")).toEqual([
    { hour: 0, state: "carried", quantity: "3", carried: null },
    { hour: 1, state: "carried", quantity: "3", carried: "3" },
    { hour: 2, state: "rejected_fixable", quantity: "3", carried: "3" },
  ]);
  expect(await recordsOf("closed")).toMatchObject([{ hour: 0, state: "rejected_fixable", quantity: "4" }]);
  expect(await bench.ledger.rows("SELECT 1 FROM unbillable")).toEqual([]);
});

test("what a person gave up is not carried", async () => {
  bench = await openSlotBench();
  await bench.instance("i-1");
  await bench.used("i-1", "3");
  await bench.freeze(0);
  await answer({ "i-1": "CLOSED" });
  await bench.submit();
  const { accountNo } = bench.account;
  const now = bench.clock.now();
  await keepCases(bench.ledger.pool, accountNo, now);
  const [open] = await readCases(
    bench.ledger.pool,
    { accountNos: [accountNo], seller: false },
    { all: false, after: 0, limit: 9 },
  );
  expect(open).toMatchObject({ kind: "record_rejected_fixable" });
  const givenUp = { act: "write_off", reason: "settled by hand" } as const;
  await actOnCase(
    bench.ledger.pool,
    { accountNos: [accountNo], seller: false, keyId: "k" },
    open!.caseId,
    givenUp,
    now,
  );
  await bench.freeze(1);
  expect(await recordsOf("i-1")).toMatchObject([{ state: "rejected_fixable" }]);
});

test("a statement that shows what was carried is a dispute", async () => {
  bench = await openSlotBench();
  await bench.instance("i-1");
  await bench.used("i-1", "3");
  await bench.freeze(0);
  await answer({ "i-1": "CLOSED" });
  await bench.submit();
  await bench.freeze(1);
  const [carried] = await bench.ledger.rows<{ sn: string; begin: number; end: number }>(
    `SELECT sn, begin_at AS begin, end_at AS "end" FROM billing.records WHERE state = 'carried'`,
  );
  const { sn: serialNumber, begin, end } = carried!;
  const line = {
    serialNumber,
    instanceId: "i-1",
    begin,
    end,
    quantity: "3",
    state: "billed",
    code: undefined,
  };
  await takeStatement(
    bench.ledger.pool,
    {
      ...{ accountNo: bench.account.accountNo, source: "list", complete: false, duplicateCodes: [] },
      ...{ askedAt: bench.clock.now(), lines: [line as never] },
    },
    bench.clock.now(),
  );
  expect(await recordsOf("i-1")).toMatchObject([{ state: "conflict" }, { carried: "3" }]);
});

test("an hour without usage is filed as 0 where the marketplace wants that", async () => {
  bench = await openSlotBench({ zero: true });
  await bench.instance("quiet");
  await bench.instance("late", { opened: H + 90 * MINUTE });
  await bench.instance("ended", { closed: H + 30 * MINUTE });
  await bench.used("quiet", "0.4", 1);
  await bench.freeze(1);
  await bench.submit();
  expect(await recordsOf("quiet")).toEqual([
    { hour: 0, state: "accepted", quantity: "0", carried: "0" },
    { hour: 1, state: "accepted", quantity: "0", carried: "0" },
  ]);
  expect(await recordsOf("late")).toMatchObject([{ hour: 1, quantity: "0" }]);
  expect(await recordsOf("ended")).toMatchObject([{ hour: 0, quantity: "0" }]);
  expect(await bench.ledger.rows("SELECT residue::text FROM residues")).toEqual([{ residue: "0.4" }]);
  expect(await findings()).toEqual([]);
});

/** Random numbers that only the seed decides. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** What was used in sealed hours, less all that became of it: 0 unless a unit was dropped or doubled. */
const BALANCE = `
  SELECT trim_scale(used - filed - residue - unbillable)::text AS left FROM
    (SELECT COALESCE(sum(quantity), 0) AS used FROM hour_usage) u,
    (SELECT COALESCE(sum(quantity), 0) AS filed FROM billing.records WHERE state NOT IN ('carried', 'replaced')) f,
    (SELECT COALESCE(sum(residue), 0) AS residue FROM (
      SELECT DISTINCT ON (instance_no) residue FROM residues ORDER BY instance_no, hour DESC) r) r,
    (SELECT COALESCE(sum(quantity), 0) AS unbillable FROM unbillable) n`;

test.for(
  [1, 2, 3].flatMap((seed) => [
    { seed, zero: false },
    { seed, zero: true },
  ]),
)(
  "whatever the marketplace answers, not one unit is dropped or doubled, and both verifiers agree",
  { timeout: 120_000 },
  async ({ seed, zero }) => {
    bench = await openSlotBench({ zero });
    const random = numbers(seed);
    const ids = ["a", "b", "c", "d"];
    for (const id of ids) await bench.instance(id, id === "d" ? { opened: H, closed: H + 150 * MINUTE } : {});
    const answers = ["TAKEN", "CLOSED", "OLD", "HELD", "BUSY", "SILENT", "CLOSED"];
    for (let hour = 0; hour < 6; hour += 1) {
      for (const id of ids) if (random(3) > 0) await bench.used(id, `${random(9)}.${random(10)}`, hour);
      await bench.freeze(hour);
      const pick = () => answers[random(answers.length)]!;
      const fates = Object.fromEntries(ids.map((id) => [id, pick()]));
      await answer(Object.fromEntries(Object.entries(fates).filter(([, fate]) => fate !== "TAKEN")));
      await bench.submit();
      expect(await bench.ledger.rows(BALANCE)).toEqual([{ left: "0" }]);
    }
    // What the marketplace has is what we say it took.
    const [ours] = await bench.ledger.rows<{ taken: string }>(
      `SELECT COALESCE(sum(quantity), 0)::bigint::text AS taken FROM billing.records WHERE is_taken(state)`,
    );
    const theirs = [...bench.market.filed.values()].reduce((sum, { units }) => sum + BigInt(units), 0n);
    expect(String(theirs)).toBe(ours!.taken);
    const [carried] = await bench.ledger.rows<{ carried: number }>(
      "SELECT count(*)::integer AS carried FROM billing.records WHERE state = 'carried'",
    );
    expect(carried!.carried).toBeGreaterThan(0);
    expect(await findings()).toEqual([]);
  },
);

/** Proves all hours and reads their exports with both verifiers. @returns what either finds */
async function findings(): Promise<unknown[]> {
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-carried-"));
  const key = await openProofKey(join(dir, "proof-key.pem"));
  await writePublicKey(dir, key);
  const logger = createLogger({ service: "test", level: "silent" });
  const deps = {
    ...{ pool: bench.ledger.pool, clock: bench.clock, logger, key, dir },
    ...{ accounts: [bench.account], anchorFile: join(dir, "anchors.ndjson") },
  };
  while (await proveHours(deps));
  const run = createRun();
  const keys = new Map([[key.keyId, key.publicKey]]);
  const names = readdirSync(join(dir, "hours"))
    .filter((name) => name.endsWith(".ndjson"))
    .sort();
  expect(names.length).toBeGreaterThan(0);
  const found = names.flatMap((name) => {
    const expected = { account: bench.account.code, hour: name.slice(0, 16) };
    const verifier = createHourVerifier(expected, { run, keys, isExport: true, depth: "events" });
    for (const line of readFileSync(join(dir, "hours", name), "latin1")
      .split("\n")
      .slice(0, -1))
      verifier.line(line);
    return verifier.finish().findings;
  });
  const script = fileURLToPath(new URL("../../../tools/verify.py", import.meta.url));
  const python = spawnSync("python3", [script, dir], { encoding: "utf8" });
  if (python.status !== 0) found.push((python.stdout + python.stderr) as never);
  rmSync(dir, { recursive: true, force: true });
  return found;
}
