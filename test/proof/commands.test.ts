import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HourVerdict } from "@quarterpast/domain";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyHours, type HoursJob } from "../../packages/cli/src/verify/hours.js";
import { readJob, verifyLedger } from "../../packages/cli/src/verify/ledger.js";
import { splitJob } from "../../packages/cli/src/verify/parts.js";
import { fillHours } from "../fixtures/goldenHours.js";
import { startLedgerApi, tamper, type LedgerApi } from "@quarterpast/testkit/services";
import { runCli } from "@quarterpast/testkit/stack";
import { openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const EVER = { from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z" };

let proven: ProvenLedger;
let api: LedgerApi;
let env: Record<string, string>;

beforeAll(async () => {
  proven = await openProvenLedger();
  await fillHours(proven);
  await proven.prove();
  api = await startLedgerApi(proven.ledger);
  env = api.env;
});
afterAll(async () => {
  await api.end();
  await proven.end();
});

const cli = (...args: string[]) => runCli(args, env);
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli(...args, "--json");
  return { code, stderr, answer: stdout === "" ? undefined : (JSON.parse(stdout) as Record<string, never>) };
};
const found = (answer: unknown) =>
  (answer as { findings: { code: string }[] }).findings.map(({ code }) => code);

async function verdictsOf(job: HoursJob): Promise<HourVerdict[]> {
  const verdicts: HourVerdict[] = [];
  for await (const verdict of verifyHours(job)) verdicts.push(verdict);
  return verdicts;
}

const tampered = (change: string, undo: string, then: () => Promise<void>) =>
  tamper(proven.ledger, change, undo, then);

describe("verify", () => {
  test("of an unchanged ledger finds nothing, by month, hour and record, in both languages", async () => {
    const all = await json("verify", "--month", "2026-03", "--anchors", join(proven.dir, "anchors.ndjson"));
    expect(all).toMatchObject({
      code: 0,
      answer: { ok: true, hours: 3, records: 11, events: 23, findings: [] },
    });
    expect(await json("verify", "--hour", "2026-03-01T11:00:00Z")).toMatchObject({
      code: 0,
      answer: { hours: 1, records: 4 },
    });
    const [{ sn }] = (await proven.ledger.rows<{ sn: string }>(
      "SELECT sn FROM records ORDER BY sn LIMIT 1",
    )) as [{ sn: string }];
    expect(await json("verify", "--record", sn)).toMatchObject({ code: 0, answer: { hours: 1 } });
    expect((await cli("verify", "--no-events", "--lang", "zh")).stdout).toMatch(/^小时 +3\n话单 +11\n/);
    expect(await json("verify", "--chain-only")).toMatchObject({
      code: 0,
      answer: { hours: 3, records: 11 },
    });
  });

  test("of only the chain finds what was done to records, and does not ask for usage", async () => {
    const chain = async () => found((await json("verify", "--chain-only")).answer);
    const change = (from: string, to: string) =>
      `UPDATE records SET canonical = replace(canonical, '"part":"${from}"', '"part":"${to}"')`;
    await tampered(change("2", "3"), change("3", "2"), async () =>
      expect(await chain()).toContain("records_root"),
    );
    const usage = "UPDATE hour_usage SET quantity = 7 - quantity WHERE quantity IN (3, 4)";
    await tampered(usage, usage, async () => expect(await chain()).toEqual([]));
  });

  test("of the chain in parts finds what one run finds, also where one part follows the other", async () => {
    const stack = { apiUrl: env.QUARTERPAST_API_URL!, apiKey: env.QUARTERPAST_API_KEY!, dataDir: "" };
    const job = await readJob(stack, { ...EVER, depth: "chain" });
    const parts = splitJob(job, 3);
    expect(parts.map(({ manifests }) => manifests.length)).toEqual([1, 2, 2]);
    const inParts = async () => {
      const verdicts = await Promise.all(parts.map(verdictsOf));
      return verdicts.flatMap((some, at) => some.slice(at === 0 ? 0 : 1));
    };
    expect(await inParts()).toEqual(await verdictsOf(job));
    // A part knows the start of its first hour from the hour before, which belongs to another part.
    const prev = `UPDATE records SET canonical = regexp_replace(canonical, '"prev":"(.)(.)', '"prev":"\\2\\1')
      WHERE hour = (SELECT max(hour) FROM records)`;
    await tampered(prev, prev, async () => {
      const [, second] = await inParts();
      expect(second!.findings.map(({ code }) => code)).toContain("record_chain");
    });
  });

  test.each([
    [
      "an event's quantity",
      "events_root",
      "UPDATE events SET quantity = 99 WHERE quantity = 3",
      "UPDATE events SET quantity = 3 WHERE quantity = 99",
    ],
    [
      "an event's value",
      "events_root",
      "UPDATE events SET value = 'eve' WHERE value = '李'",
      "UPDATE events SET value = '李' WHERE value = 'eve'",
    ],
    [
      "an event gone",
      "events_count",
      "CREATE TABLE kept AS SELECT * FROM events WHERE quantity = 7; DELETE FROM events WHERE quantity = 7",
      "INSERT INTO events SELECT * FROM kept; DROP TABLE kept",
    ],
    [
      "an hour's usage",
      "usage_root",
      "UPDATE hour_usage SET quantity = quantity + 1 WHERE quantity = 3",
      "UPDATE hour_usage SET quantity = quantity - 1 WHERE quantity = 4",
    ],
    [
      "a record's column",
      "column_differs",
      "UPDATE records SET quantity = quantity + 1 WHERE part = '2'",
      "UPDATE records SET quantity = quantity - 1 WHERE part = '2'",
    ],
    [
      "a record's bytes",
      "records_root",
      `UPDATE records SET canonical = replace(canonical, '"part":"2"', '"part":"3"')`,
      `UPDATE records SET canonical = replace(canonical, '"part":"3"', '"part":"2"')`,
    ],
    [
      "a checksum",
      "column_differs",
      "UPDATE records SET checksum = '0' || checksum WHERE part = '1'",
      "UPDATE records SET checksum = substr(checksum, 2) WHERE part = '1'",
    ],
    [
      "a root",
      "usage_root",
      "UPDATE record_proofs SET leaves = leaves, events_root = set_byte(events_root, 0, 255 - get_byte(events_root, 0))",
      "UPDATE record_proofs SET events_root = set_byte(events_root, 0, 255 - get_byte(events_root, 0))",
    ],
    [
      "a manifest",
      "signature",
      `UPDATE manifests SET canonical = replace(canonical, '"v":"1"', '"v":"3"')`,
      `UPDATE manifests SET canonical = replace(canonical, '"v":"3"', '"v":"1"')`,
    ],
    [
      "a manifest's hash",
      "manifest_chain",
      "UPDATE manifests SET hash = upper(hash)",
      "UPDATE manifests SET hash = lower(hash)",
    ],
    [
      "a signature",
      "signature",
      "UPDATE manifests SET signature = reverse(signature)",
      "UPDATE manifests SET signature = reverse(signature)",
    ],
  ])("finds %s that was changed: %s", async (_name, code, change, undo) => {
    const verify = () =>
      verifyLedger(
        { apiUrl: env.QUARTERPAST_API_URL!, apiKey: env.QUARTERPAST_API_KEY!, dataDir: "" },
        { ...EVER, depth: "events" },
      );
    await tampered(change, undo, async () => expect(found(await verify())).toContain(code));
    expect(found(await verify())).toEqual([]);
  });

  test("ends with 3 where something differs", async () => {
    await tampered(
      "UPDATE manifests SET hash = upper(hash)",
      "UPDATE manifests SET hash = lower(hash)",
      async () => {
        const { code, stdout } = await cli("verify");
        expect({ code, stdout }).toEqual({
          code: 3,
          stdout: expect.stringContaining("the manifest does not follow the one before"),
        });
      },
    );
  });

  test("finds what differs from the anchors outside, and a key that is not the true one", async () => {
    const anchors = readFileSync(join(proven.dir, "anchors.ndjson"), "utf8");
    const other = join(proven.dir, "other.ndjson");
    writeFileSync(other, anchors.replace(/"hash":"./, '"hash":"z'));
    const differs = await json("verify", "--anchors", other);
    expect({ exit: differs.code, found: found(differs.answer) }).toEqual({
      exit: 3,
      found: expect.arrayContaining(["anchor_differs"]),
    });
    expect((await cli("verify", "--key", other)).code).toBe(2);
  });

  test("says so where there is nothing to verify", async () => {
    const none = await cli("verify", "--month", "2020-01");
    expect({ code: none.code, stderr: none.stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nothing was verified"),
    });
    expect((await cli("verify", "--hour", "2026-03-01T10:30:00Z")).code).toBe(2);
  });
});

describe("prove", () => {
  test("shows the way from an event to the signature, late ones too; what was never counted is refused", async () => {
    const proof = await json("prove", "事件-3", "--source", "源/甲");
    expect(proof).toMatchObject({ code: 0, answer: { holds: true, leaves: 9 } });
    const late = await proven.ledger.rows<{ key: string; source: string }>(
      "SELECT key, source FROM events JOIN sources USING (source_no) WHERE quantity = 2",
    );
    expect(await json("prove", late[0]!.key, "--source", late[0]!.source)).toMatchObject({
      code: 0,
      answer: { holds: true, leaves: 2 },
    });
    expect((await cli("prove", "never-sent", "--source", "源/甲")).code).toBe(5);
  });

  test("of an event that was changed does not hold", async () => {
    await tampered(
      "UPDATE events SET quantity = 99 WHERE quantity = 1.25",
      "UPDATE events SET quantity = 1.25 WHERE quantity = 99",
      async () => {
        expect(await json("prove", "事件-3", "--source", "源/甲")).toMatchObject({
          code: 3,
          answer: { holds: false },
        });
      },
    );
  });
});

describe("export", () => {
  test("writes a month as CSV with titles in the language, exact decimals, and its SHA-256", async () => {
    const { code, answer } = await json(
      "export",
      "--month",
      "2026-03",
      "--out",
      join(proven.dir, "out"),
      "--lang",
      "zh",
    );
    expect(code).toBe(0);
    const { path, sha256 } = answer as unknown as { path: string; sha256: string };
    const bytes = readFileSync(path);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    expect(readFileSync(`${path}.sha256`, "utf8")).toBe(`${sha256}  records-2026-03.csv\n`);
    const lines = bytes.toString("utf8").trimEnd().split("\n");
    expect(lines[0]).toMatch(/^\uFEFF序列号,账户,产品,实例,主体,/);
    expect(lines).toHaveLength(12);
    expect(lines.filter((line) => line.includes(",99999999.9999,"))).toHaveLength(2);
  });

  test("writes an hour of one customer as NDJSON", async () => {
    const { answer } = await json(
      "export",
      "--hour",
      "2026-03-01T10:00:00Z",
      "--customer",
      "客户-1",
      "--format",
      "ndjson",
      "--out",
      join(proven.dir, "out"),
    );
    const lines = readFileSync((answer as unknown as { path: string }).path, "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { instanceId: "i-sum", quantity: "11.2500", state: "frozen" },
    ]);
  });
});
