import { expect, test } from "vitest";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "@quarterpast/devstack";
import { addProduct, setClock } from "@quarterpast/store";
import { systemClock } from "@quarterpast/runtime";
import { Agent, request } from "undici";
import { H, openLedger } from "../../../test/fixtures/ledger.js";
import { createService } from "../../../test/fixtures/services.js";
import { KEY, signedV2, signedV1 } from "./kit.js";
const clock = systemClock() as never;
test("load", async () => {
  const ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  await setClock(ledger.pool, { realAnchor: Date.now() * 1_000, productAnchor: H, rate: 1 });
  await addProduct(ledger.pool, ledger.account.accountNo, { productId: "P1", mode: "pay_per_use", meter: "tokens", cycle: "hourly", resetRule: "none", deductionOrder: 0, frontEndUrl: null, adminUrl: null, dashboardUrl: null, contents: [] }, H);
  const N = 1_000_000;
  for (let a = 1; a < N; a += 50000) await ledger.rows(`INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
    SELECT 1, 'i-'||g, 'P1', (SELECT meter_no FROM meters WHERE code='tokens'), 'c-'||g, g % 8, 'hourly', to_timestamp($1::float8) - interval '400 days', now() FROM generate_series($2::int,$3::int) g`, [H / 1e6, a, a + 49999]);
  for (let a = 1; a < N; a += 50000) await ledger.rows(`INSERT INTO subscriptions (account_no, instance_id, order_id, item, version, state, product_id, mode, customer_id, provided, subject, opened, received_at)
    SELECT 1, 'i-'||g, 'o-'||g, 'l', 'v2', 'active', 'P1', 'pay_per_use', 'c-'||g, '{}', 'c-'||g, to_timestamp($1::float8), now() FROM generate_series($2::int,$3::int) g`, [H / 1e6, a, a + 49999]);
  for (let a = 1; a < N; a += 50000) await ledger.rows(`INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 5, 1 FROM instances WHERE instance_no BETWEEN $2 AND $3`, [H / 1e6, a, a + 49999]);
  await ledger.rows("ANALYZE");
  const [port] = (await freePorts(1)) as [number];
  const sf = createService("storefront", port, { DATABASE_URL: ledger.url, MARKETPLACE_KEY: KEY }, mkdtempSync(join(tmpdir(), "sf-")));
  await sf.start();
  const agent = new Agent({ connections: 64 });
  const ask = async (one: { method: string; url: string; payload?: string }) => {
    const t = performance.now();
    const a = await request(sf.url + one.url, { method: one.method as never, body: one.payload ?? null, dispatcher: agent });
    const j = (await a.body.json()) as { resultCode: string };
    return [performance.now() - t, j.resultCode] as const;
  };
  const ids = () => Array.from({ length: 100 }, () => `i-${1 + Math.floor(Math.random() * N)}`).join(",");
  for (let k = 0; k < 5; k += 1) console.log("100 ids", await ask(signedV2(clock, { activity: "queryInstance", instanceId: ids() })));
  for (const kind of ["query", "new", "mixed"]) {
    const times: number[] = []; const codes = new Map<string, number>();
    const start = performance.now(); const all: Promise<void>[] = [];
    const seconds = 10;
    for (let n = 0; n < 500 * seconds; n += 1) {
      const due = start + n * 2;
      while (performance.now() < due) await new Promise((r) => setTimeout(r, Math.max(0, due - performance.now())));
      const isNew = kind === "new" || (kind === "mixed" && n % 10 === 0);
      const one = isNew
        ? signedV1(clock, { activity: "newInstance", orderId: `${kind}-${n}`, productId: "P1", chargingMode: "0", customerId: `cust-${kind}-${n}`, customerName: "x", businessId: `b-${kind}-${n}` })
        : signedV2(clock, { activity: "queryInstance", instanceId: `i-${1 + Math.floor(Math.random() * N)}` });
      all.push(ask(one).then(([ms, code]) => { times.push(ms); codes.set(code, (codes.get(code) ?? 0) + 1); }));
    }
    await Promise.all(all);
    times.sort((a, b) => a - b);
    console.log(kind, "wall", performance.now() - start, "p50", times[times.length >> 1], "p99", times[Math.floor(times.length * 0.99)], "max", times.at(-1), [...codes]);
  }
  await sf.stop(); await agent.destroy(); await ledger.end();
  expect(1).toBe(1);
}, 600_000);
