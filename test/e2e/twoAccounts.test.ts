import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiClient } from "@quarterpast/contract";
import { formatInstant, HOUR, MINUTE } from "@quarterpast/domain";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { reservePorts } from "@quarterpast/stack/servers";
import { createKey, setClock } from "@quarterpast/store";
import { H, openLedger, secondAccount, testServers, type Ledger } from "@quarterpast/testkit";
import { createService, type ServiceProcess } from "@quarterpast/testkit/services";
import { afterAll, beforeAll, expect, test } from "vitest";

const FILED = H + HOUR + 3 * MINUTE;
const TOKEN = `qp_finance0_${"0123456789abcdef".repeat(2)}`;
const KEYS = { cn: "key-of-cn", intl: "key-of-intl" };

let dir: string;
let cn: Ledger;
let intl: Ledger;
let markets: { cn: Sandbox; intl: Sandbox };
let reporter: ServiceProcess;
let api: ServiceProcess;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quarterpast-accounts-"));
  cn = await openLedger();
  intl = await secondAccount(cn);
  markets = {
    cn: await createSandbox({ key: KEYS.cn, validationDelayMs: 0 }),
    intl: await createSandbox({ key: KEYS.intl, site: "intl", validationDelayMs: 0 }),
  };
  const now = Date.now() * 1_000;
  await setClock(cn.pool, { realAnchor: now, productAnchor: FILED, rate: 0 });
  for (const market of Object.values(markets))
    await market.setClock({ start: formatInstant(FILED), at: formatInstant(now), rate: 0 });
  await cn.meter("tokens", "sum");
  // The same instance id at both marketplaces: only the account distinguishes them.
  for (const [ledger, subject] of [
    [cn, "customer-1"],
    [intl, "customer-2"],
  ] as const) {
    await ledger.instance("i-1", "tokens", subject);
    await ledger.instance(`i-${ledger.account.site}`, "tokens", `${subject}-more`);
  }
  await cn.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), account_no, 1
     FROM instances`,
    [H / 1e6],
  );
  const [a, b] = (await reservePorts(2)) as [number, number];
  const env = { DATABASE_URL: cn.url, REDIS_URL: testServers().redisUrl, ACCOUNTS_FILE: accountsFile() };
  reporter = createService("reporter", a, env, dir);
  const own = `http://127.0.0.1:${b}`;
  api = createService("api", b, { ...env, COLLECTOR_URL: own, STOREFRONT_URL: own, API_URL: own }, dir);
}, 60_000);
afterAll(async () => {
  await Promise.all([reporter.stop(), api.stop()]);
  await Promise.all(Object.values(markets).map((market) => market.close()));
  await cn.end();
  rmSync(dir, { recursive: true, force: true });
});

/** Both accounts in one file; the key of the second is wrong at first. */
function accountsFile(): string {
  writeFileSync(join(dir, "cn-key"), KEYS.cn);
  writeFileSync(join(dir, "intl-key"), "a-wrong-key");
  const file = join(dir, "accounts.yaml");
  writeFileSync(
    file,
    `accounts:
  - code: koogallery-cn
    marketplace: koogallery
    site: cn
    settings: { MARKETPLACE_URL: "${markets.cn.url}" }
    secrets: { MARKETPLACE_KEY: { file: cn-key } }
  - code: koogallery-intl
    marketplace: koogallery
    site: intl
    settings: { MARKETPLACE_URL: "${markets.intl.url}" }
    secrets: { MARKETPLACE_KEY: { file: intl-key } }
`,
  );
  return file;
}

const states = async () => {
  const rows = await cn.rows<{ account: string; state: string }>(
    "SELECT account, string_agg(DISTINCT state, ',') AS state FROM billing.records GROUP BY account",
  );
  return Object.fromEntries(rows.map(({ account, state }) => [account, state]));
};
const held = ({ store }: Sandbox) =>
  store
    .records()
    .map(({ instance_id, usage_value }) => `${instance_id} ${Number(usage_value)}`)
    .sort();
const until = { timeout: 60_000, interval: 200 };

test("one halted account never stops the other, and each record is filed only by its own account", async () => {
  await reporter.start();
  await expect.poll(states, until).toEqual({ "koogallery-cn": "accepted", "koogallery-intl": "frozen" });
  const halted = await cn.rows("SELECT code, halted_code FROM accounts ORDER BY account_no");
  expect(halted).toEqual([
    { code: "koogallery-cn", halted_code: null },
    { code: "koogallery-intl", halted_code: "MKT.0102" },
  ]);
  expect(held(markets.cn)).toEqual(["i-1 1", "i-cn 1"]);
  expect(held(markets.intl)).toEqual([]);
  const late =
    "SELECT count(*) AS late FROM billing.records WHERE state = 'accepted' AND settled_at >= window_ends";
  expect(await cn.rows(late)).toEqual([{ late: 0 }]);

  // The right key is read from its file; after the next probe, what waits is sent.
  writeFileSync(join(dir, "intl-key"), KEYS.intl);
  await expect.poll(states, until).toEqual({ "koogallery-cn": "accepted", "koogallery-intl": "accepted" });
  expect(held(markets.intl)).toEqual(["i-1 2", "i-intl 2"]);
  expect(held(markets.cn)).toEqual(["i-1 1", "i-cn 1"]);
}, 120_000);

test("a finance key limited to one account sees nothing of the other", async () => {
  await api.start();
  const key = {
    keyId: "finance0",
    accountNo: cn.account.accountNo,
    name: "finance",
    role: "finance",
  } as const;
  await createKey(cn.pool, { ...key, token: TOKEN }, H);
  await cn.rows("UPDATE api_keys SET accounts = '{koogallery-cn}'");
  const mine = createApiClient({ url: api.url, key: TOKEN });
  await expect
    .poll(
      () =>
        mine.listAccounts().then(
          ({ items }) => items.length,
          () => 0,
        ),
      until,
    )
    .toBe(1);
  const { items } = await mine.listRecords();
  expect(items.map(({ account }) => account)).toEqual(["koogallery-cn", "koogallery-cn"]);
  const theirs = createApiClient({ url: api.url, key: TOKEN, account: "koogallery-intl" });
  await expect(theirs.listRecords()).rejects.toThrow("There is no account koogallery-intl");
  await expect(theirs.listInstances()).rejects.toThrow("There is no account koogallery-intl");
});
