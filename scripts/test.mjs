// Builds and type-checks, then runs tests. The last line of the output is `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, root, tell } from "./setup.mjs";

/** Runs a command of node_modules to its end; returns its exit code. */
function run(name, args, env = process.env) {
  const script = { tsc: "typescript/bin/tsc", vitest: "vitest/vitest.mjs" }[name];
  const command = [join(root, "node_modules", script), ...args];
  const { status } = spawnSync(process.execPath, command, { cwd: root, env, stdio: "inherit" });
  return status ?? 1;
}

/** The counts of vitest's JSON report; a file that could not be loaded counts as one failure. */
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

/** The same seed in every run, so that a change is tested on the same input as the one before it. */
const FIXED_SEED = "20260301";
const SEEDS = ["FAST_CHECK_SEED", "MODEL_SEED", "FUZZ_SEED", "SPOOL_SEED", "MUTATIONS_SEED"];

/** What each name runs: projects of vitest.config.ts, and whether part of them also runs with a new seed. */
const PARTS = {
  test: { projects: ["unit", "int"], drawn: true },
  unit: { projects: ["unit"], drawn: false },
  alone: { projects: ["alone"], drawn: false },
};

/** Runs vitest; the counts come from its report. */
function runVitest(folder, name, args, seed) {
  const file = join(folder, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const seeds = Object.fromEntries(SEEDS.map((each) => [each, process.env[each] ?? seed]));
  const status = run("vitest", ["run", ...reporters, ...args], { ...process.env, ...seeds });
  const counts = readReport(file);
  // vitest also fails because of an error outside of any test, and if there is no test.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/**
 * Runs a part of the tests and ends the process.
 * @param part a name of PARTS; its tests run with fixed seeds, the rules' own once more with a new one, which is
 *   printed.
 * @param chosen vitest's arguments; for `test` they may select tests of all projects.
 */
export function runTests(part, chosen) {
  install();
  const begun = new Date();
  for (const args of [["-b"], ["-p", "tsconfig.test.json"]]) {
    tell(`tsc ${args.join(" ")}`, `tsc ${args.join(" ")}`);
    if (run("tsc", args) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });
  }
  // The command would build once more, and tests that start it would wait for each other.
  const stamp = join(root, "packages", "cli", "dist", ".built");
  writeFileSync(stamp, "");
  utimesSync(stamp, begun, begun);
  const folder = mkdtempSync(join(tmpdir(), "quarterpast-tests-"));
  const { projects, drawn } = PARTS[part];
  const isAll = chosen.length === 0;
  const named = isAll || part !== "test" ? projects.map((name) => `--project=${name}`) : [];
  // The tests of `alone` run one after the other with nothing beside them.
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
