import { HOUR, MINUTE } from "@quarterpast/domain";
import { readList } from "@quarterpast/marketplace";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { addPlan, listFindings, takeStatement, valueFindings } from "@quarterpast/store";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileRecords, H, openLedger, type Ledger } from "@quarterpast/testkit";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

/** RECONCILE_RECORDS makes a long run (`npm run reconcile`); its result is written to RECONCILE_RESULT. */
const RECORDS = Number(process.env.RECONCILE_RECORDS ?? 10_000);
/** Of each kind; 1 % together. */
const CORRUPTED = Math.floor(RECORDS / 400);
const INSTANCES = 100;
const KEY = "a-key-for-tests";

let ledger: Ledger;
let sandbox: Sandbox;
let market: OpenMarketplace;
beforeAll(async () => {
  ledger = await openLedger(H - 2_000 * HOUR);
  sandbox = await createSandbox({ key: KEY, validationDelayMs: 0 });
  market = openMarketplace({
    baseUrl: sandbox.url,
    key: KEY,
  });
  await ledger.meter("tokens", "sum");
  for (let n = 0; n < INSTANCES; n += 1) await ledger.instance(`i-${n}`, "tokens", `customer-${n}`);
});
afterAll(async () => {
  await market.close();
  await sandbox.close();
  await ledger.end();
});

interface Sent {
  sn: string;
  instanceId: string;
  begin: number;
  quantity: string;
}

async function send(records: readonly Sent[]): Promise<void> {
  const call = records.map(({ sn, instanceId, begin, quantity }) => ({
    serialNumber: sn,
    wire: market.encodeRecord({
      instanceId,
      serialNumber: sn,
      begin,
      end: begin + HOUR,
      recordTime: begin + HOUR + MINUTE,
      quantity,
    }),
  }));
  const { kind } = await market.submit({ records: call });
  expect(kind).toBe("accepted");
}

async function sendAll(records: readonly Sent[]): Promise<void> {
  for (let from = 0; from < records.length; from += 1_000) await send(records.slice(from, from + 1_000));
}

test(`of ${RECORDS} records with 1 % corrupted every difference is found and classed, and none invented`, async () => {
  const hours = RECORDS / INSTANCES;
  // All within the 21 days that the marketplace accepts.
  const step = HOUR / 4;
  const from = H - 300 * HOUR;
  const now = from + hours * step + 2 * HOUR;
  await sandbox.setClock({ start: new Date(now / 1_000).toISOString(), rate: 0 });
  const filed = Array.from({ length: RECORDS }, (_, n) => ({
    instanceId: `i-${n % INSTANCES}`,
    begin: from + Math.floor(n / INSTANCES) * step,
    quantity: `${1 + (n % 977)}.5000`,
  }));
  const sns = await fileRecords(ledger, filed);
  await addPlan(
    ledger.pool,
    { accountNo: 1, keyId: "k" },
    {
      ...{
        product: "product",
        meter: "tokens",
        validFrom: from,
        model: "fixed",
        currency: "CNY",
        period: "month",
      },
      ...{ free: "0", bands: [{ upTo: null, unitPrice: "2" }] },
    },
    now,
  );
  const sent = filed.map((one, n): Sent => ({ ...one, sn: sns[n]! }));
  // Not in the first hours: a record that begins before the file's period is not part of it.
  const [forgotten, abnormal, different] = [1, 2, 3].map((n) =>
    sent.slice((n * RECORDS) / 10, (n * RECORDS) / 10 + CORRUPTED),
  ) as [Sent[], Sent[], Sent[]];
  const corrupted = new Set([...forgotten, ...abnormal, ...different]);
  sandbox.setFaults([{ mode: "forget" }]);
  await send(forgotten);
  sandbox.setFaults([{ mode: "abnormal", code: "003" }]);
  await send(abnormal);
  sandbox.setFaults([]);
  await send(different.map((one) => ({ ...one, quantity: one.quantity.replace(".5000", ".5001") })));
  await sendAll(sent.filter((one) => !corrupted.has(one)));
  // Another party files under our instances.
  const extra = sent
    .slice(-CORRUPTED)
    .map((one, n) => ({ ...one, sn: `extra-${n}`, begin: one.begin + MINUTE }));
  await send(extra);
  await sandbox.settle();

  const exported = await fetch(`${sandbox.url}/sandbox/sdr?format=csv&lang=zh&limit=1000000`);
  const read = await readList(new Uint8Array(await exported.arrayBuffer()), { rules: market.lists! });
  expect(read).toMatchObject({ kind: "sdr", complete: true, problems: [] });
  const began = performance.now();
  const found = await takeStatement(
    ledger.pool,
    {
      accountNo: 1,
      source: "sdr.csv",
      complete: true,
      askedAt: now,
      lines: read.lines,
      duplicateCodes: market.duplicateCodes,
    },
    now,
  );
  const reconciledMs = Math.round(performance.now() - began);
  expect(found).toMatchObject({
    abnormal: CORRUPTED,
    different: CORRUPTED,
    missing: CORRUPTED,
    extra: CORRUPTED,
  });
  const valuing = performance.now();
  while ((await valueFindings(ledger.pool, 1, now)) > 0);
  const valuedMs = Math.round(performance.now() - valuing);
  const listed = await listFindings(ledger.pool, ledger.account.code, {
    standing: true,
    after: "",
    limit: RECORDS,
  });
  const keys = (kind: string) => new Set(listed.filter((one) => one.kind === kind).map(({ key }) => key));
  const of = (records: readonly Sent[]) => new Set(records.map(({ sn }) => sn));
  expect(keys("missing")).toEqual(of(forgotten));
  expect(keys("abnormal")).toEqual(of(abnormal));
  expect(keys("different")).toEqual(of(different));
  expect(keys("extra")).toEqual(of(extra));
  expect(listed).toHaveLength(4 * CORRUPTED);
  const stake = (record: Sent) => listed.find(({ key }) => key === record.sn)?.atStake;
  expect([stake(forgotten[0]!), stake(different[0]!)]).toEqual([
    String(Number(forgotten[0]!.quantity) * 2),
    "0.0002",
  ]);
  const figures = {
    records: RECORDS,
    corrupted: 4 * CORRUPTED,
    found: listed.length,
    reconciledMs,
    valuedMs,
  };
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  const file = process.env.RECONCILE_RESULT;
  if (file) writeFileSync(file, JSON.stringify(figures));
}, 600_000);
