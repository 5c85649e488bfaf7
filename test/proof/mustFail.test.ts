import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { inMemory, openHours, readFiles, reseal, writeFiles, type Files } from "../fixtures/archive.js";
import { MUST_FAIL } from "../fixtures/mustFail.js";
import { proofKeyId, publicKeyOf } from "@quarterpast/domain";

const golden = (name: string) =>
  fileURLToPath(new URL(`../../packages/domain/test/golden/${name}`, import.meta.url));
const VERIFY_EACH = fileURLToPath(new URL("verify_each.py", import.meta.url));
const key = createPrivateKey(readFileSync(golden("signing-key.pem"), "utf8"));
const UNCHANGED = "unchanged";

const archives = new Map<string, Files>();
/** The second verifier's exit codes, by the archive's place among those that must fail. */
let ends: Record<string, number>;

beforeAll(() => {
  for (const [at, { make }] of MUST_FAIL.entries()) {
    const files = readFiles(golden("hours-v1"));
    make(files, key);
    archives.set(String(at), files);
  }
  const same = readFiles(golden("hours-v1"));
  reseal(same, openHours(same), { privateKey: key, keyId: proofKeyId(publicKeyOf(key)) });
  archives.set(UNCHANGED, same);

  const dir = mkdtempSync(join(tmpdir(), "quarterpast-must-fail-"));
  for (const [name, files] of archives) writeFiles(join(dir, name), files);
  ends = JSON.parse(execFileSync("python3", [VERIFY_EACH, dir], { encoding: "utf8" })) as typeof ends;
  rmSync(dir, { recursive: true });
});

test.each(MUST_FAIL.map((one, at) => ({ ...one, at: String(at) })))(
  "$name: $finding",
  async ({ finding, at }) => {
    const { findings } = await verifyFolder(inMemory(archives.get(at)!));
    expect(findings.map(({ code }) => code)).toContain(finding);
    expect(ends[at]).toBe(3);
  },
);

test("sealing unchanged hours again passes: the tests' own insider makes what the product makes", () => {
  expect([...archives.get(UNCHANGED)!]).toEqual([...readFiles(golden("hours-v1"))]);
  expect(ends[UNCHANGED]).toBe(0);
});
