// `npm test [-- vitest's arguments]`: installs what is missing, builds, checks types, runs the tests, and where no
// arguments choose some, those that need the machine to themselves after the others. The last line is
// `N passed, N failed`. Plain JavaScript without dependencies: it runs before there are any.
import { spawnSync } from "node:child_process";
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

install();
for (const args of [["-b"], ["-p", "tsconfig.test.json"]]) {
  tell(`tsc ${args.join(" ")}`, `tsc ${args.join(" ")}`);
  if (run("tsc", args) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });
}
const folder = mkdtempSync(join(tmpdir(), "quarterpast-tests-"));

/** Runs vitest; what it says is also read from its report. */
function runTests(config, args) {
  const file = join(folder, `${config}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const status = run("vitest", ["run", "--config", config, ...reporters, ...args]);
  const counts = readReport(file);
  // vitest fails, too, on an error outside of any test, and where there is no test at all.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

const chosen = process.argv.slice(2);
const parts = [runTests("vitest.config.ts", chosen)];
if (chosen.length === 0) parts.push(runTests("vitest.alone.config.ts", []));
rmSync(folder, { recursive: true, force: true });
const sum = (name) => parts.reduce((total, part) => total + part[name], 0);
finish({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") });
