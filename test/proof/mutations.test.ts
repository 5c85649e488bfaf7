import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { inMemory, readFiles } from "../fixtures/archive.js";

const GOLDEN = fileURLToPath(new URL("../../packages/domain/test/golden/hours-v1", import.meta.url));
const VERIFY_MANY = fileURLToPath(new URL("verify_many.py", import.meta.url));
const COUNT = Number(process.env.QUARTERPAST_MUTATIONS ?? 2_000);
const SEED = Number(process.env.QUARTERPAST_SEED ?? Math.floor(Date.now() / 1_000));
/** Where a long run's result is written. */
const RESULTS = process.env.QUARTERPAST_MUTATIONS_RESULT;
const LONG_MS = 60_000 + COUNT * 60;

const files = readFiles(GOLDEN);
let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "quarterpast-mutations-"))));
afterAll(() => rmSync(dir, { recursive: true }));

/** Seeded: a failure is replayed with QUARTERPAST_SEED. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Mutation {
  path: string;
  offset: number;
  byte: number;
}

/** One byte anywhere in any file, to any other value; each byte of all files is as likely as the next. */
function mutate(random: (below: number) => number): Mutation {
  const sizes = [...files].map(([path, bytes]) => [path, bytes.length] as const);
  let at = random(sizes.reduce((sum, [, size]) => sum + size, 0));
  const [path] = sizes.find(([, size]) => (at < size ? true : ((at -= size), false)))!;
  const old = files.get(path)![at]!;
  return { path, offset: at, byte: (old + 1 + random(255)) % 256 };
}

test(
  `${COUNT} mutations of one byte are found by both verifiers, with seed ${SEED}`,
  async () => {
    const random = createRandom(SEED);
    const mutations = Array.from({ length: COUNT }, () => mutate(random));
    const missed: Mutation[] = [];
    for (const mutation of mutations) {
      const bytes = Buffer.from(files.get(mutation.path)!);
      bytes[mutation.offset] = mutation.byte;
      const { findings } = await verifyFolder(inMemory(new Map([...files, [mutation.path, bytes]])));
      if (findings.length === 0) missed.push(mutation);
    }
    expect(missed).toEqual([]);

    const list = join(dir, "mutations.json");
    writeFileSync(
      list,
      JSON.stringify(mutations.map(({ path, offset, byte }) => ({ [path]: [offset, byte] }))),
    );
    const missedByPython = JSON.parse(
      execFileSync("python3", [VERIFY_MANY, GOLDEN, list], { encoding: "utf8" }),
    ) as number[];
    expect(missedByPython.map((at) => mutations[at])).toEqual([]);
    if (RESULTS !== undefined) {
      const missedBy = { verify: missed.length, "verify.py": missedByPython.length };
      writeFileSync(RESULTS, `${JSON.stringify({ mutations: COUNT, seed: SEED, missedBy }, null, 2)}\n`);
    }
  },
  LONG_MS,
);

test("what nobody changed raises no alarm", async () => {
  expect((await verifyFolder(inMemory(files))).findings).toEqual([]);
  const list = join(dir, "none.json");
  writeFileSync(list, "[{}]");
  expect(execFileSync("python3", [VERIFY_MANY, GOLDEN, list], { encoding: "utf8" }).trim()).toBe("[0]");
});
