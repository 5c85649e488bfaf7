import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "@quarterpast/testkit/services";
import { startStack, type CliResult, type Stack } from "@quarterpast/testkit/stack";

const REAL = fileURLToPath(new URL("../../../shared/data/azure-llm-code.csv", import.meta.url));
/** The totals of the file (its README): requests, context and generated tokens by hour. */
const REAL_TOTALS = {
  "2023-11-16T18:00:00Z": { context: "15710990", generated: "213958" },
  "2023-11-16T19:00:00Z": { context: "2348984", generated: "31938" },
};

let stack: Stack;
let file: string;
let totals: Record<string, { context: string; generated: string }>;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "quarterpast-input-"));
  ({ file, totals } = existsSync(REAL) ? { file: REAL, totals: REAL_TOTALS } : madeInput(scratch));
  stack = await startStack(["--clock-start", "2023-11-16T18:15:00Z", "--clock-rate", "80"]);
}, 120_000);
afterAll(async () => {
  await stack?.end();
  rmSync(scratch, { recursive: true, force: true });
});

/** If the real file is missing: a generated one of the same form, whose totals are summed on the way. */
function madeInput(dir: string): { file: string; totals: typeof totals } {
  console.warn(`${REAL} is not there: a made file of the same form is used`);
  const sums = { "2023-11-16T18:00:00Z": [0, 0], "2023-11-16T19:00:00Z": [0, 0] };
  const lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"];
  for (let n = 0; n < 6_000; n += 1) {
    const second = 17 * 60 + Math.floor((n * 57 * 60) / 6_000);
    const [hour, minute] = [18 + Math.floor(second / 3_600), Math.floor(second / 60) % 60];
    const [context, generated] = [(n * 7_919) % 8_000, (n * 31) % 900];
    lines.push(
      `2023-11-16 ${hour}:${String(minute).padStart(2, "0")}:${String(second % 60).padStart(2, "0")}.0000000,${context},${generated}`,
    );
    const sum = sums[`2023-11-16T${hour}:00:00Z` as keyof typeof sums];
    sum[0]! += context;
    sum[1]! += generated;
  }
  writeFileSync(join(dir, "made.csv"), lines.join("\r\n"));
  const entries = Object.entries(sums).map(([hour, [context, generated]]) => [
    hour,
    { context: String(context), generated: String(generated) },
  ]);
  return { file: join(dir, "made.csv"), totals: Object.fromEntries(entries) as typeof totals };
}

const importFile = (path: string, ...more: string[]): Promise<CliResult> =>
  stack.cli(
    "import",
    path,
    "--source",
    "llm-gateway",
    "--time",
    "TIMESTAMP",
    "--subject",
    "customer-1",
    "--meter",
    "context-tokens=ContextTokens",
    "--meter",
    "generated-tokens=GeneratedTokens",
    "--json",
    ...more,
  );
const succeed = (result: CliResult): CliResult => {
  if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stderr}${result.stdout}`);
  return result;
};

interface StatedRecord {
  instance_id: string;
  begin_time: string;
  end_time: string;
  usage_value: string;
  received_at: string;
  state: string;
}
async function stated(): Promise<StatedRecord[]> {
  const reply = await fetch(`${stack.ready.sandbox}/sandbox/sdr?format=json&limit=1000`);
  return ((await reply.json()) as { records: StatedRecord[] }).records;
}
const of = (records: StatedRecord[], instance: string, hour: string): StatedRecord[] =>
  records.filter(
    (record) => record.instance_id === instance && record.begin_time === hour.replace(/[-:]/g, ""),
  );

test("the real file, sent three times over, is filed in time with its exact totals", async () => {
  for (const [meter, instance] of [
    ["context-tokens", "i-context"],
    ["generated-tokens", "i-generated"],
    ["other", "i-other"],
  ] as const) {
    succeed(
      await stack.cli("meters", "add", meter, "--aggregation", "sum", "--unit", "token", "--scale", "0"),
    );
    succeed(
      await stack.cli(
        "instances",
        "add",
        instance,
        "--product",
        "llm",
        "--meter",
        meter,
        "--subject",
        "customer-1",
        "--opened",
        "2023-11-01T00:00:00Z",
      ),
    );
  }
  succeed(await stack.cli("sources", "expect", "llm-gateway"));
  const first = JSON.parse(succeed(await importFile(file, "--follow-clock")).stdout) as {
    sent: number;
    accepted: number;
  };
  expect(first.accepted).toBe(first.sent);

  const lines = readFileSync(file, "utf8").split(/\r?\n/);
  const half = join(scratch, "half.csv");
  writeFileSync(half, lines.slice(0, lines.length >> 1).join("\n"));
  const other = join(scratch, "other.csv");
  writeFileSync(
    other,
    `at,n\n${Array.from({ length: 500 }, (_, n) => `2023-11-16T19:0${n % 10}:00Z,${n}`).join("\n")}\n`,
  );
  const [again] = await Promise.all([
    importFile(file).then(succeed),
    importFile(half).then(succeed),
    stack
      .cli(
        "import",
        other,
        "--source",
        "another",
        "--time",
        "at",
        "--subject",
        "customer-1",
        "--meter",
        "other=n",
        "--json",
      )
      .then(succeed),
  ]);
  expect(JSON.parse(again.stdout)).toMatchObject({ accepted: first.sent, rejected: 0 });

  const records = await eventually(
    stated,
    (all) => all.filter(({ state }) => state === "billed").length >= 5,
    120_000,
  );
  for (const [hour, expected] of Object.entries(totals)) {
    expect(of(records, "i-context", hour).map(({ usage_value }) => Number(usage_value))).toEqual([
      Number(expected.context),
    ]);
    expect(of(records, "i-generated", hour).map(({ usage_value }) => Number(usage_value))).toEqual([
      Number(expected.generated),
    ]);
  }
  expect(
    of(records, "i-other", "2023-11-16T19:00:00Z").map(({ usage_value }) => Number(usage_value)),
  ).toEqual([(499 * 500) / 2]);
  for (const { end_time, received_at } of records) {
    const end = Date.parse(end_time.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
    expect(Date.parse(received_at) - end).toBeLessThan(15 * 60_000);
  }
  const listed = succeed(await stack.cli("hours", "list", "--json"));
  const hours = JSON.parse(listed.stdout) as { hour: string; status: string }[];
  const statusOf = (hour: string): string | undefined => hours.find((item) => item.hour === hour)?.status;
  expect(Object.keys(totals).map(statusOf)).toEqual(["complete", "complete"]);
  expect(await stack.interrupt()).toBe(0);
}, 240_000);
