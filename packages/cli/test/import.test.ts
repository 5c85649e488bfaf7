import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { parseInstant } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CliError } from "../src/exit.js";
import { importFile, type ImportOptions } from "../src/import/importFile.js";
import type { Tally } from "../src/import/tally.js";
import { startStack, TOKENS, type ImportStack } from "./importStack.js";

const REAL_INPUT = resolve(import.meta.dirname, "../../../../shared/data/azure-llm-code.csv");
const HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens";
const ROWS = [
  "2023-11-16 18:17:03.9799600,4808,10",
  "2023-11-16 18:17:03.9799600,4808,10",
  "2023-11-16 18:17:04.0319600,3180,8",
  '"2023-11-16 18:59:59.9999999","1.50",0',
  "2023-11-16 19:00:00,7,9",
];

let stack: ImportStack;
let told: string;
beforeEach(async () => {
  stack = await startStack({ startMicros: parseInstant("2023-11-16T19:30:00Z")!, atMs: Date.now(), rate: 1 });
});
afterEach(() => stack.stop());

async function run(
  content: string | Buffer,
  options: Partial<ImportOptions> = {},
  name = "usage.csv",
  stop = new AbortController(),
): Promise<Tally> {
  return start(await stack.write(name, content), options, stop);
}

function start(file: string, options: Partial<ImportOptions>, stop = new AbortController()): Promise<Tally> {
  const stderr = new PassThrough();
  told = "";
  stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const all = { ...TOKENS, dataDir: stack.dataDir, ...options };
  return importFile(file, all, stderr as unknown as NodeJS.WriteStream, stop);
}

const csv = (rows: string[], end = "\n") => [HEADER, ...rows].join(end);
const ids = () => [...stack.taken.keys()].sort();
async function failed(work: Promise<unknown>): Promise<CliError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CliError);
  return error as CliError;
}

it("reads every row of a file whose line ends are mixed", async () => {
  const [first, ...rest] = ROWS;
  const tally = await run(`${HEADER}\r\n${first}\r\n${rest.join("\n")}\n`);
  expect(tally).toMatchObject({ rows: ROWS.length, sent: 2 * ROWS.length, rejected: 0 });
});

describe("the ids of rows", () => {
  it("are those of the content: line ends, quotes, a byte order mark and other columns do not matter", async () => {
    await run(csv(ROWS));
    const before = ids();
    expect(before.length).toBe(10);
    await run(`\ufeff${csv(ROWS, "\r\n")}\r\n`, {}, "crlf.csv");
    const wider = [`x,${HEADER}`, ...ROWS.map((row, at) => `${at},${row}`)].join("\n");
    await run(wider, {}, "wider.csv");
    expect(ids()).toEqual(before);
    expect(before[0]).toMatch(/^\["llm","[0-9a-f]{64}\/(context|generated)"\]$/);
  });

  it("tell equal rows apart, so that both count, and the half of a file has the ids of the whole", async () => {
    await run(csv(ROWS));
    const before = ids();
    expect(stack.totals()).toEqual({
      "2023-11-16T18 context": { quantity: "12797.5", events: 4 },
      "2023-11-16T18 generated": { quantity: "28", events: 4 },
      "2023-11-16T19 context": { quantity: "7", events: 1 },
      "2023-11-16T19 generated": { quantity: "9", events: 1 },
    });
    await run(csv(ROWS.slice(0, 3)), {}, "half.csv");
    expect(ids()).toEqual(before);
  });

  it("are those of a column where it is asked for", async () => {
    await run(`id,t\na,2023-11-16T19:00:00Z`, { time: "t", id: "@id", meter: ["requests"] });
    expect(ids()).toEqual(['["llm","a/requests"]']);
    expect([...stack.taken.values()][0]!.data).toEqual({});
  });
});

describe("what is printed", () => {
  it("is said once that times without a zone are UTC, and what is beyond microseconds is cut", async () => {
    await run(csv(ROWS));
    expect(told.match(/UTC/g)?.length).toBe(1);
    const times = [...stack.taken.values()].map(({ time }) => time);
    expect(times[0]).toBe("2023-11-16T18:17:03.979960Z");
    expect(times).toContain("2023-11-16T18:59:59.999999Z");
    await run("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16T19:00:00+08:00,1,1");
    expect(told).not.toContain("UTC");
  });

  it("names bad cells with line, value and what would be right, and sends the other rows whole", async () => {
    const bad = [
      "2023-11-16 18:00:00,-5,1",
      "yesterday,1,1",
      "2023-11-16 18:00:00,1",
      "2023-11-16 18:00:00,0.1234567,1",
    ];
    const tally = await run(csv([...ROWS, ...bad]));
    expect(tally).toMatchObject({ rows: 9, sent: 10, accepted: 10, rejected: 8 });
    expect(tally.rejectedByCode).toEqual({ quantity_invalid: 4, field_invalid: 2, field_missing: 2 });
    expect(told).toContain('line 7: quantity_invalid: ContextTokens "-5" must be a decimal');
    expect(told).toContain('line 8: field_invalid: TIMESTAMP "yesterday" must be a time such as');
    expect(told).toContain("line 9: field_missing: has 2 cells, the first row names 3 columns");
    expect(told).toContain("line 10: quantity_invalid: context");
  });

  it("counts what the collector rejects, by code and line", async () => {
    const tally = await run(csv(["2023-11-01 00:00:00,1,1", ...ROWS, "2023-11-16 23:00:00,1,1"]));
    expect(tally).toMatchObject({ rows: 7, sent: 14, accepted: 10, rejected: 4 });
    expect(tally.rejectedByCode).toEqual({ time_too_old: 2, time_in_future: 2 });
    expect(told).toContain("line 2: time_too_old");
    expect(told).toContain("line 8: time_in_future");
    expect(told).toContain("--follow-clock");
  });

  it.each<[string, string | Buffer, Partial<ImportOptions>, string]>([
    ["a wrong column", csv(ROWS), { time: "Time" }, '"TIMESTAMP", "ContextTokens", "GeneratedTokens"'],
    ["an unknown meter", csv(ROWS), { meter: ["tokens=ContextTokens"] }, "there are context, generated"],
    ["a column for a count", csv(ROWS), { meter: ["requests=ContextTokens"] }, "without a column"],
    ["no column for a sum", csv(ROWS), { meter: ["context"] }, "name the column"],
    ["a meter given twice", csv(ROWS), { meter: ["requests", "requests"] }, "given twice"],
    ["no source", csv(ROWS), { source: undefined }, "--source NAME"],
    ["an empty file", "", {}, "is empty"],
    ["a binary file", Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), {}, "is not UTF-8"],
    ["text in GBK", Buffer.from([0xca, 0xb1, 0xbc, 0xe4, 0x0a]), {}, "is not UTF-8"],
    ["broken quotes", `${csv(ROWS)}\n"2023`, {}, "not well-formed CSV at line"],
  ])("ends with one clear line on %s", async (_name, content, options, line) => {
    const error = await failed(run(content, options));
    expect(error.exitCode).toBe(2);
    expect(error.text.en).toContain(line);
    expect(error.text.en).not.toContain("\n");
    expect(error.text.zh).toMatch(/\p{Script=Han}/u);
    expect(stack.batches.length).toBe(0);
  });

  it.each([
    ["nowhere.csv", "there is no file"],
    [".", "is a directory"],
  ])("ends with one clear line on %s", async (name, line) => {
    const stderr = new PassThrough() as unknown as NodeJS.WriteStream;
    const error = await failed(
      importFile(name, { ...TOKENS, dataDir: stack.dataDir }, stderr, new AbortController()),
    );
    expect(error.text.en).toContain(line);
  });

  it("ends with 4 where no stack runs, with 5 where the key is refused", async () => {
    const none = run(csv(ROWS), { dataDir: join(stack.dataDir, "none") });
    await expect(none).rejects.toMatchObject({ name: "StackError", code: "no_stack" });
    stack.intercept = () => 401;
    const refused = await failed(run(csv(ROWS)));
    expect(refused.exitCode).toBe(5);
    expect(refused.text.en).toContain("told to refuse");
  });
});

describe("other formats", () => {
  it("reads NDJSON with paths, numbers and values of unique meters", async () => {
    const lines = [
      { at: "2023-11-16T19:00:00Z", who: { id: "c-1" }, n: 1.5, user: "ann" },
      { at: "2023-11-16T19:00:01Z", who: { id: "c-2" }, n: "2", user: 7 },
    ].map((line) => JSON.stringify(line));
    const tally = await run(
      [...lines, "", "{broken"].join("\r\n"),
      {
        time: "at",
        subject: "@who.id",
        meter: ["context=n", "users=user"],
      },
      "usage.ndjson",
    );
    expect(tally).toMatchObject({ rows: 3, sent: 4, accepted: 4, rejected: 2 });
    expect(told).toContain("line 4: malformed_json");
    expect([...stack.taken.values()].map(({ subject, type, data }) => [subject, type, data])).toEqual([
      ["c-1", "context", { quantity: "1.5" }],
      ["c-1", "users", { value: "ann" }],
      ["c-2", "context", { quantity: "2" }],
      ["c-2", "users", { value: "7" }],
    ]);
  });

  const event = (id: string) => ({
    specversion: "1.0",
    id,
    source: "own [x]",
    type: "context",
    subject: 'c-"1',
    time: "2023-11-16T19:00:00Z",
    data: { quantity: "1" },
    region: "cn",
  });
  const bare: Partial<ImportOptions> = { source: undefined, time: undefined, subject: undefined, meter: [] };

  it.each([
    ["lines", [event("a"), event("b")].map((one) => JSON.stringify(one)).join("\n")],
    ["an array", JSON.stringify([event("a"), event("b")])],
    ["an array over many lines", `\n${JSON.stringify([event("a"), event("b")], null, 2)}\n`],
  ])("sends CloudEvents in %s as they are", async (_name, content) => {
    expect(await run(content, bare, "events.json")).toMatchObject({ sent: 2, accepted: 2, rejected: 0 });
    expect([...stack.taken.values()]).toEqual([event("a"), event("b")]);
  });

  it("names a bad CloudEvent by its line", async () => {
    const content = [event("a"), { ...event("b"), time: "soon" }]
      .map((one) => JSON.stringify(one))
      .join("\n");
    expect(await run(content, bare, "events.ndjson")).toMatchObject({ accepted: 1, rejected: 1 });
    expect(told).toContain('line 2: field_invalid: time "soon"');
  });
});

describe("JSON nested too deep", () => {
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const options: Partial<ImportOptions> = { time: "at", subject: "@who", meter: ["context=n"] };
  const bare: Partial<ImportOptions> = { source: undefined, time: undefined, subject: undefined, meter: [] };

  it.each([
    ["in a mapped column", `{"at":"2023-11-16T19:00:00Z","who":"c-1","n":${deep}}`, options, "usage.ndjson"],
    ["in a line", deep, options, "usage.ndjson"],
    ["in an event", `{"specversion":"1.0","data":${deep}}`, bare, "events.ndjson"],
    ["in an array of events", `[{"specversion":${deep}}]`, bare, "events.json"],
  ])("%s is a rejected row that names the limit", async (_, content, given, name) => {
    const first = '{"at":"2023-11-16T19:00:00Z","who":"c-1","n":1}\n';
    await run(name.startsWith("usage") ? first + content : content, given, name);
    expect(told).toMatch(/malformed_json: is not a JSON object: nested deeper than 32 levels/);
  });
});

describe("going on after an interruption", () => {
  const many = csv(Array.from({ length: 4_000 }, (_, at) => `2023-11-16 18:17:03,${at % 50},1`));
  const checkpoints = () => readdirSync(join(stack.dataDir, "imports"));

  it("sends only what was not acknowledged, with the ids of an import that was not interrupted", async () => {
    const stop = new AbortController();
    stack.intercept = () => void (stack.batches.length === 3 && stop.abort());
    const interrupted = await failed(run(many, {}, "usage.csv", stop));
    expect(interrupted.exitCode).toBe(130);
    expect(interrupted.text.en).toMatch(/interrupted after row \d+: run the same command to continue/);
    const first = stack.batches.length;
    expect(first).toBeLessThan(8);
    stack.intercept = () => undefined;

    const tally = await rerun();
    expect(tally).toMatchObject({ rows: 4_000, sent: 8_000, accepted: 8_000, rejected: 0 });
    expect(told).toContain("continuing after row");
    expect(stack.batches.length).toBe(8);
    expect(stack.taken.size).toBe(8_000);
    expect(checkpoints()).toEqual([]);

    await run(many, {}, "again.csv");
    expect(stack.taken.size).toBe(8_000);
  });

  const rerun = (options: Partial<ImportOptions> = {}) => start(join(stack.dataDir, "usage.csv"), options);

  it("begins anew with --restart", async () => {
    stack.intercept = () => (stack.batches.length > 2 ? 401 : undefined);
    await failed(run(many));
    expect(checkpoints().length).toBe(1);
    stack.intercept = () => undefined;
    stack.batches.length = 0;
    await rerun({ restart: true });
    expect(told).not.toContain("going on");
    expect(stack.batches.length).toBe(8);
    expect(stack.taken.size).toBe(8_000);
  });

  it("keeps the same ids through retries", async () => {
    stack.intercept = () => (stack.batches.length % 2 === 1 ? 503 : undefined);
    const tally = await run(many);
    expect(tally).toMatchObject({ sent: 8_000, accepted: 8_000 });
    expect(told.match(/trying again/g)?.length).toBe(1);
    expect(new Set(stack.batches.flatMap(({ events }) => events.map(({ id }) => id))).size).toBe(8_000);
  });
});

it.skipIf(!existsSync(REAL_INPUT))(
  "brings the real input to its totals (skipped where the file is absent)",
  async () => {
    const tally = await run(await readFile(REAL_INPUT));
    expect(tally).toEqual({ rows: 8_819, sent: 17_638, accepted: 17_638, rejected: 0, rejectedByCode: {} });
    const expected = {
      "2023-11-16T18 context": { quantity: "15710990", events: 7_717 },
      "2023-11-16T18 generated": { quantity: "213958", events: 7_717 },
      "2023-11-16T19 context": { quantity: "2348984", events: 1_102 },
      "2023-11-16T19 generated": { quantity: "31938", events: 1_102 },
    };
    expect(stack.totals()).toEqual(expected);
    await run(await readFile(REAL_INPUT));
    const half = (await readFile(REAL_INPUT, "utf8")).split("\r\n").slice(0, 4_410).join("\n");
    await run(half, {}, "half.csv");
    expect(stack.totals()).toEqual(expected);
  },
);
