import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LONG_RUNS } from "./long/parts.js";
import { appendResult, type PartFigures, type SoakResult } from "./results.js";
import { anySeed } from "./workload.js";

/**
 * `npm run soak [-- --minutes N --seed S --parts crash,bugs,…]`: runs every long run, each result a line of
 * results.ndjson.
 */
const ROOT = join(import.meta.dirname, "../../..");
const ALL = [...Object.keys(LONG_RUNS), "bugs", "crash"];
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string" },
    parts: { type: "string", default: ALL.join(",") },
  },
});
const parts = values.parts.split(",");
const unknown = parts.filter((part) => !ALL.includes(part));
if (unknown.length > 0 || !/^\d{1,4}$/.test(values.minutes) || !/^\d{1,10}$/.test(values.seed ?? "0")) {
  process.stderr.write(
    `--parts ${values.parts}: must be of ${ALL.join(", ")}; --minutes and --seed are whole numbers\n`,
  );
  process.exit(2);
}
const seed = values.seed === undefined ? anySeed() : Number(values.seed);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs a program of the suite to its end; returns its last line, which is JSON. */
async function runScript(script: string, ...args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), "--json", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  const last = text.trim().split("\n").at(-1) ?? "";
  return last.startsWith("{") ? (JSON.parse(last) as Record<string, unknown>) : { error: last };
}

async function runPart(part: string): Promise<PartFigures> {
  if (part === "crash") {
    const result = await runScript("main.js", "--minutes", values.minutes, "--seed", String(seed));
    const { violations, skipped: _, ...figures } = result;
    const found = violations as unknown[] | undefined;
    return {
      part,
      isGood: found?.length === 0,
      minutes: Number(values.minutes),
      ...figures,
      violations: found,
    };
  }
  if (part === "bugs") {
    const { isGood, ...figures } = await runScript("bugs/main.js");
    return { part, isGood: isGood === true, ...figures };
  }
  const dir = mkdtempSync(join(tmpdir(), `quarterpast-${part}-`));
  const { isGood, figures } = await LONG_RUNS[part]!({ root: ROOT, dir, seed, say });
  if (isGood) rmSync(dir, { recursive: true, force: true });
  else say(`logs and data: ${dir}`);
  return { part, isGood, seed, ...figures };
}

let red = 0;
for (const part of parts) {
  say(`${part}: begins, seed ${seed}`);
  const from = Date.now();
  const result = await runPart(part).catch((error: unknown) => ({
    part,
    isGood: false,
    error: String(error),
  }));
  const seconds = Math.round((Date.now() - from) / 1_000);
  const line: SoakResult = { ...result, seconds };
  if (!line.isGood) red += 1;
  appendResult(ROOT, line);
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(red === 0 ? 0 : 1);
