// Long runs of tests that are short in `npm test`: the same file, more of it, the result as a line of results.ndjson.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { install, root, tell } from "./setup.mjs";

const RESULTS = join(root, "test", "crash", "results.ndjson");
const bin = (...path) => join(root, "node_modules", ...path);

/** Runs a command of node_modules; its output goes to standard error, so that standard output has only the result. */
function run(args, env = process.env) {
  const stdio = ["ignore", process.stderr.fd, process.stderr.fd];
  return spawnSync(process.execPath, args, { cwd: root, env, stdio }).status ?? 1;
}

/**
 * Runs one test file with options from the command line (`--NAME N` becomes PREFIX_NAME) and exits with 0 if it is
 * green. With `--json` the result is printed and appended to results.ndjson.
 * @param lineOf makes the result's line from what the test wrote to PREFIX_RESULT
 */
export async function longTest({ prefix, file, defaults, lineOf }) {
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  const { values } = parseArgs({ options: { ...options, json: { type: "boolean", default: false } } });
  for (const name of names) {
    const given = (values[name] ??= defaults[name]);
    if (given === undefined || /^\d{1,12}$/.test(given)) continue;
    tell(`--${name} ${given}: must be a whole number`, `--${name} ${given}：应为整数`);
    process.exit(2);
  }
  install();
  if (run([bin("typescript", "bin", "tsc"), "-b"]) !== 0) process.exit(1);
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-long-"));
  const result = join(dir, "result.json");
  const env = { ...process.env, [`${prefix}_RESULT`]: result };
  for (const name of names)
    if (values[name] !== undefined) env[`${prefix}_${name.toUpperCase()}`] = values[name];
  const status = run([bin("vitest", "vitest.mjs"), "run", file], env);
  if (values.json && existsSync(result)) {
    // Imported only after the build, which creates it.
    const { commitOf, isCommitted } = await import("@quarterpast/testkit/commit");
    const commit = commitOf(root);
    const told = lineOf(JSON.parse(readFileSync(result, "utf8")));
    const { part, ...rest } = told;
    const line = JSON.stringify({
      part,
      commit,
      at: new Date().toISOString(),
      isGood: status === 0,
      ...rest,
    });
    if (isCommitted(commit)) appendFileSync(RESULTS, `${line}\n`);
    else tell(`not kept: ${commit} is not a commit`, `未保存：${commit} 不是一次提交`);
    process.stdout.write(`${line}\n`);
  }
  rmSync(dir, { recursive: true, force: true });
  process.exit(status);
}
