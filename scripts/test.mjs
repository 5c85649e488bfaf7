// Tests, built and type-checked first. The last line of the output is `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, root, tell } from "./setup.mjs";

/** Runs a command of node_modules to its end; gives its exit code. */
function run(name, args, env = process.env) {
  const script = { tsc: "typescript/bin/tsc", vitest: "vitest/vitest.mjs" }[name];
  const command = [join(root, "node_modules", script), ...args];
  const { status } = spawnSync(process.execPath, command, { cwd: root, env, stdio: "inherit" });
  return status ?? 1;
}

/** What vitest's JSON report says; a file that could not even be loaded is one failure. */
function count(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    if (file.status === "failed" && !file.assertionResults.some((one) => one.status === "failed"))
      counts.failed += 1;
    for (const { status } of file.assertionResults) counts[status in counts ? status : "skipped"] += 1;
  }
  return counts;
}

function readReport(file) {
  try {
    return count(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function finish({ passed, failed, skipped }) {
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  process.exit(failed > 0 ? 1 : 0);
}

/** A seed that is the same in every run, so that a change is tried on what the one before it was tried on. */
const FIXED_SEED = "20260301";
const SEEDS = ["FAST_CHECK_SEED", "MODEL_SEED", "FUZZ_SEED", "SPOOL_SEED", "MUTATIONS_SEED"];

/** What is run by each name: projects of vitest.config.ts, and whether a part of them is tried on a new seed too. */
const PARTS = {
  test: { projects: ["unit", "int"], drawn: true },
  unit: { projects: ["unit"], drawn: false },
  alone: { projects: ["alone"], drawn: false },
};

/** Runs vitest; what it says is also read from its report. */
function runVitest(folder, name, args, seed) {
  const file = join(folder, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const seeds = Object.fromEntries(SEEDS.map((each) => [each, process.env[each] ?? seed]));
  const status = run("vitest", ["run", ...reporters, ...args], { ...process.env, ...seeds });
  const counts = readReport(file);
  // vitest fails, too, on an error outside of any test, and where there is no test at all.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/**
 * Runs a part of the tests and ends the process.
 * @param part a name of PARTS; its tests run with fixed seeds, the rules' own once more with a new one, which is printed.
 * @param chosen vitest's arguments; of `test` they may choose tests of all projects.
 */
export function runTests(part, chosen) {
  install();
  for (const args of [["-b"], ["-p", "tsconfig.test.json"]]) {
    tell(`tsc ${args.join(" ")}`, `tsc ${args.join(" ")}`);
    if (run("tsc", args) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });
  }
  const folder = mkdtempSync(join(tmpdir(), "quarterpast-tests-"));
  const { projects, drawn } = PARTS[part];
  const isAll = chosen.length === 0;
  const named = isAll || part !== "test" ? projects.map((name) => `--project=${name}`) : [];
  // Those of `alone` have the machine to themselves, one after the other.
  const workers = part === "alone" ? ["--maxWorkers=1"] : [];
  const results = [runVitest(folder, part, [...named, ...workers, ...chosen], FIXED_SEED)];
  if (drawn && isAll) {
    const seed = String(randomInt(1, 2 ** 31));
    tell(
      `the rules once more, with FAST_CHECK_SEED=${seed}`,
      `以新种子再次检验规则：FAST_CHECK_SEED=${seed}`,
    );
    results.push(runVitest(folder, "drawn", ["--project=unit", "packages/domain"], seed));
  }
  rmSync(folder, { recursive: true, force: true });
  const sum = (name) => results.reduce((total, each) => total + each[name], 0);
  finish({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") });
}
