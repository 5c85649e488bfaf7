import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MINUTE } from "@quarterpast/domain";
import { assignQuarantine, rebuildHour } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreHours } from "../../packages/cli/src/restore/hours.js";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { releaseQuarantine } from "../../services/aggregator/src/release.js";
import { H, usage } from "@quarterpast/testkit";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const PYTHON = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));
const FILE = "hours/20260301T100000Z-koogallery-cn.ndjson";

let lost: ProvenLedger;
let restored: ProvenLedger;
beforeEach(async () => {
  lost = await openProvenLedger();
  restored = await openProvenLedger(undefined, join(lost.dir, "proof-key.pem"));
});
afterEach(async (context) => {
  const failed = context.task.result?.state === "fail";
  await lost.end(failed);
  await restored.end(failed);
});

const event = (id: string, account?: string) =>
  usage({
    id,
    time: H + MINUTE,
    quantity: "1",
    ...(account !== undefined && { extensions: { account, region: "cn" } }),
  });
const NAMING = [event("plain"), event("named", "koogallery-cn"), event("assigned", "帐户 1")];

/** One event names no account, one its account, and one another, from which a person moved it. */
async function fill({ ledger, count, freezeBefore, prove }: ProvenLedger): Promise<void> {
  await ledger.meter("tokens", "sum");
  await ledger.instance("i-1", "tokens", "customer-1");
  await count(NAMING);
  const assign = { account: ledger.account.code, reason: "unknown_account", always: false } as const;
  await assignQuarantine(ledger.pool, { keyId: "k" }, assign, H);
  expect(await releaseQuarantine({ pool: ledger.pool, now: () => H })).toBe(1);
  await freezeBefore(hourAfter(1));
  await prove();
}

const python = (dir: string) => spawnSync("python3", [PYTHON, dir], { encoding: "utf8" });

test("the account that an event names is proven with it, by both verifiers, and only where it names one", async () => {
  await fill(lost);
  const lines = readFileSync(join(lost.dir, FILE), "utf8").split("\n");
  const named = Object.fromEntries(
    lines
      .filter((line) => line.startsWith('{"event"'))
      .map((line) => (JSON.parse(line) as { event: Record<string, string> }).event)
      .map((leaf) => [leaf["id"], leaf["account_named"]]),
  );
  expect(named).toEqual({
    plain: undefined,
    named: "koogallery-cn",
    assigned: "%E5%B8%90%E6%88%B7 1",
  });
  expect((await verifyFolder(openFolder(lost.dir))).findings).toEqual([]);
  expect(python(lost.dir).stdout).toBe("1 hours verified\n");
  const { pool, account } = lost.ledger;
  expect(await rebuildHour(pool, account.accountNo, H)).toMatchObject({ events: 3, differences: [] });

  for (const [from, to] of [
    ['"account_named":"koogallery-cn",', ""],
    ['"account_named":"koogallery-cn"', '"account_named":"koogallery-c"'],
    ['"account_named":"koogallery-cn"', '"account_named":""'],
  ] as const) {
    writeFileSync(join(lost.dir, FILE), lines.join("\n").replace(from, to));
    const codes = (await verifyFolder(openFolder(lost.dir))).findings.map(({ code }) => code);
    expect(codes).toContain("events_root");
    expect(python(lost.dir).status).toBe(3);
  }
});

test("a restored hour knows what its events named: the same is the same, another account is a conflict", async () => {
  await fill(lost);
  expect(await restoreHours(restored.ledger.pool, openFolder(lost.dir), {})).toMatchObject({ events: 3 });
  const naming = "SELECT id, extensions ->> 'account' AS account FROM events ORDER BY id";
  expect(await restored.ledger.rows(naming)).toEqual(await lost.ledger.rows(naming));
  await restored.count(NAMING);
  expect(await restored.ledger.rows("SELECT * FROM conflicts")).toEqual([]);
  await restored.count([event("plain", "koogallery-cn"), event("named", "other")]);
  expect(await restored.ledger.rows("SELECT account FROM conflicts ORDER BY 1")).toEqual([
    { account: "koogallery-cn" },
    { account: "other" },
  ]);
});
