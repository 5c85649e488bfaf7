import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { copyProofs, fillHours } from "../fixtures/goldenHours.js";
import { openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const GOLDEN = fileURLToPath(new URL("../../packages/domain/test/golden/hours-v1", import.meta.url));
/** No secret: it signs golden files alone. */
const KEY = fileURLToPath(new URL("../../packages/domain/test/golden/signing-key.pem", import.meta.url));

let proven: ProvenLedger;
beforeAll(async () => {
  const key = existsSync(KEY) ? KEY : undefined;
  proven = await openProvenLedger(undefined, key);
});
afterAll(() => proven.end());

test("what is proven today is, byte for byte, what was proven when v1 was set", async () => {
  await fillHours(proven);
  await proven.prove();
  if (process.env.QUARTERPAST_WRITE_GOLDEN === "1") copyProofs(proven.dir, GOLDEN);
  const [today, golden] = [openFolder(proven.dir), openFolder(GOLDEN)];
  expect((await today.hours()).sort()).toEqual((await golden.hours()).sort());
  const names = (await golden.hours()).map((name) => `hours/${name}`);
  for (const path of [...names, "anchors.ndjson", "proof-key.json"]) {
    expect((await today.read(path))?.toString(), path).toBe((await golden.read(path))?.toString());
  }
  expect((await verifyFolder(golden)).findings).toEqual([]);
});
