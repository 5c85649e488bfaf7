import { createHourGatherer, HOUR, type Depth } from "@quarterpast/domain";
import { inTransaction, listManifests, readHourLines, type StoredManifest } from "@quarterpast/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fillHours } from "../fixtures/goldenHours.js";
import { H } from "@quarterpast/testkit";
import { openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

let proven: ProvenLedger;
let manifests: StoredManifest[];
beforeAll(async () => {
  proven = await openProvenLedger();
  await fillHours(proven);
  await proven.prove();
  manifests = await listManifests(
    proven.ledger.pool,
    proven.ledger.account.accountNo,
    H - HOUR,
    H + 100 * HOUR,
  );
});
afterAll(() => proven.end());

/** The lines of an hour as proven; without events the database writes them. */
async function linesOf(scope: StoredManifest, depth: Depth): Promise<string[]> {
  const gatherer = createHourGatherer();
  const reading = { scope, gatherer, roots: "stored", depth, forRestore: false } as const;
  return inTransaction(proven.ledger.pool, async (db) => {
    const lines: string[] = [];
    for await (const some of readHourLines(db, reading))
      lines.push(...some.flatMap((text) => text.split("\n")));
    return lines.filter((line) => line !== "" && !line.startsWith('{"event":'));
  });
}

test("what the database writes of an hour is what is written line by line", async () => {
  expect(manifests.length).toBeGreaterThan(2);
  for (const manifest of manifests) {
    const whole = await linesOf(manifest, "events");
    expect(await linesOf(manifest, "usage")).toEqual(whole);
    const ofChain = whole.filter((line) => !/^{"(usage|origin)"/.test(line));
    expect(await linesOf(manifest, "chain")).toEqual(ofChain);
  }
});

test.each([
  ["quantity", "quantity = quantity + 0.0001"],
  ["events", "events = events + 1"],
  ["end", "end_at = end_at - interval '1 second'"],
  ["part", "part = '7'"],
  ["checksum", "checksum = repeat('0', 64)"],
  ["prev", "prev = repeat('1', 64)"],
  ["instanceId", "instance_no = (SELECT max(instance_no) FROM instances)"],
  ["kind", "kind = 'supplement'"],
])("a record whose column %s is not what its bytes say is named", async (column, change) => {
  const { rows } = proven.ledger;
  const [first] = await rows<{ sn: string }>(
    "SELECT sn FROM records WHERE kind = 'usage' AND instance_no <> (SELECT max(instance_no) FROM instances) ORDER BY shard, seq LIMIT 1",
  );
  await rows("ALTER TABLE records DISABLE TRIGGER records_final");
  const [before] = await rows<Record<string, unknown>>(
    "SELECT *, end_at::text AS end_at FROM records WHERE sn = $1",
    [first!.sn],
  );
  try {
    await rows(`UPDATE records SET ${change} WHERE sn = $1`, [first!.sn]);
    const all = (await Promise.all(manifests.map((manifest) => linesOf(manifest, "usage")))).flat();
    const found = all.filter((line) => line.startsWith('{"differs":'));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`{"column":"${column}"`);
    expect(found[0]).toContain(first!.sn);
  } finally {
    for (const name of ["quantity", "events", "end_at", "part", "checksum", "prev", "instance_no", "kind"])
      await rows(`UPDATE records SET ${name} = $2 WHERE sn = $1`, [first!.sn, before![name]]);
    await rows("ALTER TABLE records ENABLE TRIGGER records_final");
  }
});
