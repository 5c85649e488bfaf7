import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFolder, verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { copyProofs, fillHours, fillPackageHours } from "../fixtures/goldenHours.js";
import { openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

const golden = (name: string) =>
  fileURLToPath(new URL(`../../packages/domain/test/golden/${name}`, import.meta.url));
/** Not a secret: it signs only golden files. */
const KEY = golden("signing-key.pem");
const PYTHON = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));

let proven: ProvenLedger;
beforeEach(async () => {
  const key = existsSync(KEY) ? KEY : undefined;
  proven = await openProvenLedger(undefined, key);
});
afterEach(() => proven.end());

test.each([
  ["hours-v1", fillHours],
  ["hours-v2", fillPackageHours],
])("what is proven today is, byte for byte, what was proven when %s was set", async (name, fill) => {
  await fill(proven);
  await proven.prove();
  if (process.env.QUARTERPAST_WRITE_GOLDEN === "1") copyProofs(proven.dir, golden(name));
  const [today, then] = [openFolder(proven.dir), openFolder(golden(name))];
  expect((await today.hours()).sort()).toEqual((await then.hours()).sort());
  const names = (await then.hours()).map((hour) => `hours/${hour}`);
  for (const path of [...names, "anchors.ndjson", "proof-key.json"]) {
    expect((await today.read(path))?.toString(), path).toBe((await then.read(path))?.toString());
  }
  expect((await verifyFolder(then)).findings).toEqual([]);
  const python = spawnSync("python3", [PYTHON, golden(name)], { encoding: "utf8" });
  expect(python.stdout + python.stderr).toMatch(/^\d hours verified\n$/);
});
