import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "./run.js";
import { anySeed } from "./workload.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    events: { type: "string" },
    kills: { type: "string" },
    stops: { type: "string" },
    minutes: { type: "string" },
    rate: { type: "string", default: "120" },
    root: { type: "string", default: join(import.meta.dirname, "../../..") },
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const whole = (name: string, text: string): number => {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} ${text}: must be a whole number\n`);
  process.exit(2);
};
const minutes = values.minutes === undefined ? undefined : whole("minutes", values.minutes);
// The run grows with its length: 30 minutes are 3,000,000 events, 210 kills and 60 stops.
const kills = whole("kills", values.kills ?? String(minutes === undefined ? 30 : minutes * 7));
const events = whole("events", values.events ?? String(minutes === undefined ? 300_000 : minutes * 100_000));
const stops = whole(
  "stops",
  values.stops ?? String(minutes === undefined ? Math.ceil(kills / 3) : minutes * 2),
);
const seed = values.seed === undefined ? anySeed() : whole("seed", values.seed);
const dir = mkdtempSync(join(tmpdir(), "quarterpast-crash-"));
process.stderr.write(`seed ${seed}\n`);
const result = await run({
  seed,
  events,
  kills,
  stops,
  faultsMs: minutes === undefined ? Math.max(20_000, kills * 3_000) : minutes * 60_000,
  rate: whole("rate", values.rate),
  root: values.root,
  dir,
  say: (line) => void process.stderr.write(`${line}\n`),
});
for (const { id, detail } of result.violations) process.stderr.write(`${id}: ${detail}\n`);
const isGreen = result.violations.length === 0;
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const { lost, doubled, events, seconds } = result;
  process.stdout.write(
    `seed ${seed}: ${events} events, ${result.kills} kills, ${result.stops} stops, ${result.faultPointsHit}/${result.faultPoints} fault points, ${lost} lost, ${doubled} doubled, ${result.violations.length} violations, ${seconds} s\n`,
  );
}
if (isGreen && !values.keep) rmSync(dir, { recursive: true, force: true });
process.exit(isGreen ? 0 : 1);
