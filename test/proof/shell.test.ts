import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const HOUR = path("packages/domain/test/golden/hours-v1/hours/20260301T100000Z-koogallery-cn.ndjson");

const hasJq = spawnSync("jq", ["--version"]).status === 0;

// Without jq there is nothing to run the line with; CI installs it.
test.skipIf(!hasJq)("the shell line of docs/proof.md gives a record's checksum", () => {
  const line = /^jq .*sha256sum$/m.exec(readFileSync(path("docs/proof.md"), "utf8"))![0];
  const lines = readFileSync(HOUR, "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  const heads = lines.flatMap(({ chain }) => (chain ? [chain.checksum] : []));
  const prevs = lines.flatMap(({ record }) => (record ? [record.prev] : []));
  for (const { record } of lines.filter((each) => each.record)) {
    const command = line.replace("b1…", record.sn).replace("HOUR.ndjson", HOUR);
    const checksum = execFileSync("bash", ["-c", command], { encoding: "utf8" }).slice(0, 64);
    expect([...heads, ...prevs]).toContain(checksum);
  }
});

test("the second verifier is one short file of Python's standard library", () => {
  const text = readFileSync(path("tools/verify.py"), "utf8");
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(480);
  const imported = [...text.matchAll(/^(?:import|from) ([\w., ]+?)(?: import.*)?$/gm)].flatMap(([, names]) =>
    names!.split(", "),
  );
  expect(imported.sort()).toEqual(["argparse", "hashlib", "json", "os", "re", "sys", "urllib.parse"]);
});
