import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiClient } from "@quarterpast/contract";
import { formatInstant, HOUR, MINUTE, parseInstant } from "@quarterpast/domain";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { createTestDatabase, testServers } from "@quarterpast/testkit";
import { runCli, runUp, startStack } from "@quarterpast/testkit/stack";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

const START = parseInstant("2026-03-01T10:57:00Z")!;
const RATE = 60;

let dir: string;
let intl: Sandbox;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quarterpast-up-accounts-"));
  intl = await createSandbox({ key: "key-of-intl", site: "intl", validationDelayMs: 0 });
});
afterAll(async () => {
  await intl.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A file of two accounts: one files with the sandbox of `up`, the other with a marketplace of this test. */
function twoAccounts(): string {
  const file = join(dir, "accounts.yaml");
  const text = `accounts:
  - code: koogallery-cn
    marketplace: koogallery
    sandbox: true
  - code: koogallery-intl
    marketplace: koogallery
    site: intl
    settings: { MARKETPLACE_URL: "${intl.url}", MARKETPLACE_STATEMENT_PATH: /sandbox/sdr }
    secrets: { MARKETPLACE_KEY: { env: INTL_KEY } }
`;
  writeFileSync(file, text);
  return file;
}

function wrongFile(): string {
  const file = join(dir, "wrong.yaml");
  writeFileSync(file, "accounts: [{ code: koogallery-cn, marketplace: koogallery, site: mars }]");
  return file;
}

describe("quarterpast up with a file of accounts", () => {
  test("files each account's records where the file says", { timeout: 120_000 }, async () => {
    const env = { ACCOUNTS_FILE: twoAccounts(), INTL_KEY: "key-of-intl" };
    const clock = ["--clock-start", formatInstant(START), "--clock-rate", String(RATE)];
    const stack = await startStack(clock, undefined, { env });
    onTestFinished(() => stack.end());
    const { api: url, apiKey: key, collector, sandbox } = stack.ready;
    await intl.setClock(stack.ready.clock);
    const known = await stack.cli("accounts", "list", "--json");
    expect(JSON.parse(known.stdout)).toMatchObject([
      { account: "koogallery-cn", site: "cn", address: "loopback", haltedCode: null },
      { account: "koogallery-intl", site: "intl", address: "loopback", haltedCode: null },
    ]);
    await createApiClient({ url, key }).addMeter({ body: { code: "tokens", aggregation: "sum" } });
    for (const account of ["koogallery-cn", "koogallery-intl"])
      await createApiClient({ url, key, account }).addInstance({
        body: {
          ...{ instanceId: `i-${account}`, product: "p", meter: "tokens", subject: account },
          opened: formatInstant(START - HOUR),
        },
      });
    const events = ["koogallery-cn", "koogallery-intl"].map((subject, at) => ({
      ...{ specversion: "1.0", id: String(at), source: "app", type: "tokens", subject },
      ...{ time: formatInstant(START), data: { quantity: at + 1 } },
    }));
    const sent = await fetch(`${collector}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(events),
    });
    expect(await sent.json()).toMatchObject({ accepted: 2 });
    const held = async (at: string) => {
      const answer = await fetch(`${at}/sandbox/sdr?limit=100`);
      const { records } = (await answer.json()) as { records: { instance_id: string }[] };
      return records.map(({ instance_id }) => instance_id);
    };
    const until = { timeout: 60_000, interval: 200 };
    await expect.poll(() => held(sandbox!), until).toEqual(["i-koogallery-cn"]);
    await expect.poll(() => held(intl.url), until).toEqual(["i-koogallery-intl"]);
  });

  test.each([
    ["en", 'account koogallery-cn: site is "mars"; expected: one of cn, intl'],
    ["zh", '账号 koogallery-cn 的 site 现为 "mars"，应为：cn、intl 之一'],
  ])("refuses a wrong one with the field, the value and what is right (%s)", async (lang, line) => {
    const env = { ACCOUNTS_FILE: wrongFile(), QUARTERPAST_LANG: lang };
    const run = runUp(["--data-dir", join(dir, "data")], env);
    expect(await run.ended).toBe(78);
    expect(run.said.err).toContain(line);
  });

  test("refuses a key that is not there, by its account", async () => {
    const run = runUp(["--data-dir", join(dir, "data")], { ACCOUNTS_FILE: twoAccounts(), INTL_KEY: "" });
    expect(await run.ended).toBe(78);
    expect(run.said.err).toContain(
      "account koogallery-intl: secrets.MARKETPLACE_KEY is env INTL_KEY; expected: a variable that is set",
    );
  });
});

describe("quarterpast migrate with a file of accounts", () => {
  test("makes every account, each with its day; a wrong file is refused", async () => {
    const database = await createTestDatabase(testServers().databaseUrl);
    const env = { DATABASE_URL: database.url, ACCOUNTS_FILE: twoAccounts() };
    const done = await runCli(["migrate", "--json"], env);
    expect(done).toMatchObject({ code: 0 });
    expect(await runCli(["migrate", "--json"], env)).toMatchObject({ code: 0 });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      "SELECT code, site, day_offset_minutes AS ahead FROM accounts ORDER BY account_no",
    );
    await client.end();
    expect(rows).toEqual([
      { code: "koogallery-cn", site: "cn", ahead: (8 * HOUR) / MINUTE },
      { code: "koogallery-intl", site: "intl", ahead: 0 },
    ]);
    const refused = await runCli(["migrate"], { ...env, ACCOUNTS_FILE: wrongFile() });
    expect(refused).toMatchObject({ code: 78, stderr: expect.stringContaining("site is") as string });
    await database.end();
  });
});
