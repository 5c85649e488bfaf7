import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHourVerifier, createRun, formatCompact, HOUR, type HourVerdict } from "@quarterpast/domain";
import { listManifests, requestRereport } from "@quarterpast/store";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fillHours } from "../../../test/fixtures/goldenHours.js";
import { H } from "@quarterpast/testkit";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../../../test/fixtures/proofs.js";
import { proveHours } from "../src/prove.js";
import { openMarketplace } from "@quarterpast/testkit/marketplace";

let proven: ProvenLedger;
beforeEach(async () => void (proven = await openProvenLedger()));
afterEach((context) => proven.end(context.task.result?.state === "fail"));

const manifests = () => listManifests(proven.deps.pool, proven.ledger.account.accountNo, 0, hourAfter(99));
const exportsIn = () =>
  readdirSync(join(proven.dir, "hours"))
    .filter((name) => name.endsWith(".ndjson"))
    .sort();

function verifyExports(): HourVerdict[] {
  const run = createRun();
  const keys = new Map([[proven.deps.key.keyId, proven.deps.key.publicKey]]);
  return exportsIn().map((name) => {
    const bytes = readFileSync(join(proven.dir, "hours", name), "latin1");
    expect(readFileSync(join(proven.dir, "hours", `${name}.sha256`), "utf8")).toBe(
      `${createHash("sha256").update(bytes, "latin1").digest("hex")}  ${name}\n`,
    );
    const hour = name.slice(0, 16);
    const verifier = createHourVerifier(
      { account: "koogallery-cn", hour },
      { run, keys, isExport: true, depth: "events" },
    );
    for (const line of bytes.split("\n").slice(0, -1)) verifier.line(line);
    return verifier.finish();
  });
}

const threeHours = () => fillHours(proven);

describe("a frozen hour", () => {
  test("gets roots, an export, a signed manifest that follows the one before, and an anchor", async () => {
    await threeHours();
    await proven.prove();
    const made = await manifests();
    expect(made.map(({ number, hour, anchors }) => [number, hour, anchors])).toEqual([
      [1, H, 1],
      [2, H + HOUR, 1],
      [3, H + 2 * HOUR, 1],
    ]);
    expect(exportsIn()).toEqual(made.map(({ hour }) => `${formatCompact(hour)}-koogallery-cn.ndjson`));
    const verdicts = verifyExports();
    expect(verdicts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(verdicts.map(({ records, events, hash }) => [records, events, hash])).toEqual([
      // The large usage is filed in three parts; the dust is proven although none of it is filed.
      [7, 17, made[0]!.hash],
      [4, 6, made[1]!.hash],
      [0, 0, made[2]!.hash],
    ]);
    const anchors = readFileSync(join(proven.dir, "anchors.ndjson"), "utf8").trimEnd().split("\n");
    expect(anchors.map((line) => JSON.parse(line).hash)).toEqual(made.map(({ hash }) => hash));
    expect(statSync(join(proven.dir, "proof-key.pem")).mode & 0o777).toBe(0o600);
    const roots = await proven.ledger.rows(
      "SELECT sn, leaves FROM record_proofs WHERE hour = to_timestamp($1::float8) ORDER BY leaves",
      [H / 1e6],
    );
    expect(roots).toHaveLength(6);
    expect(roots.filter(({ sn }) => sn === null)).toHaveLength(1);
  });

  test("waits until all its shards are frozen", async () => {
    await threeHours();
    await proven.ledger.rows(
      "UPDATE hours SET divided_at = NULL, frozen_at = NULL WHERE shard = 5 AND hour = to_timestamp($1::float8)",
      [(H + HOUR) / 1e6],
    );
    await proven.prove();
    expect(await manifests()).toHaveLength(1);
  });

  test("is made by one of several reporters, and again as it was after a kill before the commit", async () => {
    await threeHours();
    await proven.ledger.rows(
      "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut''; END'; CREATE TRIGGER no BEFORE INSERT ON manifest_totals EXECUTE FUNCTION no()",
    );
    await expect(proveHours(proven.deps)).rejects.toThrow("cut");
    expect(await manifests()).toEqual([]);
    expect(existsSync(join(proven.dir, "anchors.ndjson"))).toBe(false);
    await proven.ledger.rows("DROP TRIGGER no ON manifest_totals");
    await Promise.all([proven.prove(), proven.prove(), proven.prove()]);
    await proven.prove();
    expect(await manifests()).toHaveLength(3);
    expect(verifyExports().flatMap(({ findings }) => findings)).toEqual([]);
  });

  test("anchors again after a kill, behind a line that was torn", async () => {
    await threeHours();
    await proven.prove();
    const path = join(proven.dir, "anchors.ndjson");
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, whole.slice(0, -30));
    await proven.ledger.rows("ALTER TABLE anchors DISABLE TRIGGER ALL; DELETE FROM anchors WHERE number = 3");
    await proven.prove();
    expect(readFileSync(path, "utf8")).toBe(whole);
  });

  test("holds a re-report that was filed before the next hour's records", async () => {
    await threeHours();
    const [first] = await proven.ledger.rows<{ sn: string }>(
      "SELECT sn FROM records WHERE sn IS NOT NULL LIMIT 1",
    );
    await proven.ledger.rows("UPDATE submissions SET state = 'rejected_final'");
    await requestRereport(
      proven.deps.pool,
      proven.ledger.account.accountNo,
      { sn: first!.sn, quantity: "1", interval: null, reason: "r", keyId: "k" },
      H,
    );
    const { carryOutRereport } = await import("../src/rereport.js");
    await carryOutRereport({
      pool: proven.deps.pool,
      clock: proven.deps.clock,
      account: proven.ledger.account,
      profile: openMarketplace(),
    });
    await proven.prove();
    const verdicts = verifyExports();
    expect(verdicts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(verdicts.reduce((sum, { records }) => sum + records, 0)).toBe(12);
  });
});
