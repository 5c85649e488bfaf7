// `npm run bench -- --against COMMIT [--pairs N] [--json]`: compares the present checkout with an older commit, which
// is built in its own git worktree with its own packages. The quick bench alternates between both, with 1,000 events
// a request and with one; prints the ratio with its confidence interval, and exits with 1 if the whole interval is
// below the bar.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FEWEST_PAIRS, ratioOf } from "./ratio.mjs";
import { root, say, tell } from "./setup.mjs";
import { build } from "./suite.mjs";

/** An interval that includes the bar does not prove a loss. */
const BAR = 0.97;
const MODES = ["ours1000", "ours1"];

/** Runs a command; its errors and, unless it is read, its output go to standard error. @returns its output */
function run(command, args, cwd, isRead = false) {
  const stdio = ["ignore", isRead ? "pipe" : process.stderr.fd, process.stderr.fd];
  const { status, stdout } = spawnSync(command, args, { cwd, stdio, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${status}`);
  return stdout ?? "";
}

/** Builds a checkout and its bench. */
function buildIn(dir) {
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], dir);
  const tsc = join(dir, "node_modules", "typescript", "bin", "tsc");
  for (const project of [["-b"], ["-p", join("test", "bench", "tsconfig.json")]])
    run(process.execPath, [tsc, ...project], dir);
}

/** The rates of one run of a checkout's bench, events per second. */
function measure(dir) {
  const main = join(dir, "test", "bench", "dist", "main.js");
  const output = run(process.execPath, [main, "--quick", "--json", "--only", MODES.join(",")], dir, true);
  return JSON.parse(output.trim().split("\n").at(-1));
}

/** Compares the checkout with a commit. */
export async function compareWith(args) {
  const { values } = parseArgs({
    args,
    options: {
      against: { type: "string" },
      pairs: { type: "string", default: String(FEWEST_PAIRS) },
      json: { type: "boolean", default: false },
    },
  });
  const pairs = Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < FEWEST_PAIRS) {
    tell(
      `--pairs ${values.pairs}: ${FEWEST_PAIRS} or more`,
      `--pairs ${values.pairs}：至少为 ${FEWEST_PAIRS}`,
    );
    process.exit(2);
  }
  const old = join(mkdtempSync(join(tmpdir(), "quarterpast-against-")), "checkout");
  const measured = [];
  try {
    run("git", ["worktree", "add", "--detach", old, values.against], root);
    buildIn(old);
    build("bench");
    for (let pair = 0; pair < pairs; pair += 1) {
      // They take turns to go first, so that warm or tired conditions left by the previous run affect both.
      const rates = {};
      for (const side of pair % 2 === 0 ? ["old", "new"] : ["new", "old"])
        rates[side] = measure(side === "old" ? old : root);
      measured.push(rates);
      const shown = MODES.map((mode) => `${mode} ${rates.old[mode]} → ${rates.new[mode]}`).join(", ");
      tell(`pair ${pair + 1} of ${pairs}: ${shown}`, `第 ${pair + 1}/${pairs} 对：${shown}`);
    }
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", old], { cwd: root, stdio: "ignore" });
    rmSync(join(old, ".."), { recursive: true, force: true });
  }
  const ratios = Object.fromEntries(
    MODES.map((mode) => [
      mode,
      ratioOf(measured.map((rates) => ({ old: rates.old[mode], new: rates.new[mode] }))),
    ]),
  );
  const isBelow = Object.values(ratios).some(({ high }) => high < BAR);
  for (const [mode, { ratio, low, high }] of Object.entries(ratios)) {
    const interval = `${ratio.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
    tell(`${mode}: new / old ${interval}`, `${mode}：新 / 旧 ${interval}`);
  }
  if (isBelow) tell(`slower: an interval lies below ${BAR}`, `变慢：有区间低于 ${BAR}`);
  if (values.json) process.stdout.write(`${JSON.stringify({ against: values.against, pairs, ratios })}\n`);
  else process.stdout.write(`${say(isBelow ? "slower" : "not slower", isBelow ? "变慢" : "未变慢")}\n`);
  process.exit(isBelow ? 1 : 0);
}
