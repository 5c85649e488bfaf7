import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { inMemory, openHours, readFiles, reseal, writeFiles, type Files } from "../fixtures/archive.js";
import { MUST_FAIL } from "../fixtures/mustFail.js";
import { proofKeyId, publicKeyOf } from "@quarterpast/domain";

const golden = (name: string) =>
  fileURLToPath(new URL(`../../packages/domain/test/golden/${name}`, import.meta.url));
const VERIFY = fileURLToPath(new URL("../../tools/verify.py", import.meta.url));
const key = createPrivateKey(readFileSync(golden("signing-key.pem"), "utf8"));

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "quarterpast-must-fail-"))));
afterAll(() => rmSync(dir, { recursive: true }));

function python(files: Files): number {
  rmSync(dir, { recursive: true });
  writeFiles(dir, files);
  try {
    execFileSync("python3", [VERIFY, dir], { stdio: ["ignore", "pipe", "inherit"] });
    return 0;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

test.each(MUST_FAIL)("$name: $finding", async ({ finding, make }) => {
  const files = readFiles(golden("hours-v1"));
  make(files, key);
  const { findings } = await verifyFolder(inMemory(files));
  expect(findings.map(({ code }) => code)).toContain(finding);
  expect(python(files)).toBe(3);
});

test("sealing again what nobody changed passes: the tests' own insider makes what the product makes", async () => {
  const files = readFiles(golden("hours-v1"));
  const before = new Map(files);
  reseal(files, openHours(files), { privateKey: key, keyId: proofKeyId(publicKeyOf(key)) });
  expect([...files]).toEqual([...before]);
  expect(python(files)).toBe(0);
  writeFileSync(join(dir, "done"), "");
});
