import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyFolder } from "../../packages/cli/src/verify/folder.js";
import { inMemory, readFiles, type Files } from "../fixtures/archive.js";

/** Every version of a record is in one of them. */
const SETS = ["hours-v1", "hours-v2"] as const;
const golden = (set: string): string =>
  fileURLToPath(new URL(`../../packages/domain/test/golden/${set}`, import.meta.url));
const VERIFY_MANY = fileURLToPath(new URL("verify_many.py", import.meta.url));
/** MUTATIONS_COUNT makes a long run (`npm run mutations`); its result is written to MUTATIONS_RESULT. */
const COUNT = Number(process.env.MUTATIONS_COUNT ?? 600);
const EACH = Math.ceil(COUNT / SETS.length);
const SEED = Number(process.env.MUTATIONS_SEED ?? Math.floor(Date.now() / 1_000));
const RESULT = process.env.MUTATIONS_RESULT;
const LONG_MS = 60_000 + COUNT * 60;

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "quarterpast-mutations-"))));
afterAll(() => rmSync(dir, { recursive: true }));

/** Seeded: MUTATIONS_SEED replays a failure. */
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

/** One byte anywhere in any file, set to any other value; each byte of all files is equally likely. */
function mutate(files: Files, random: (below: number) => number): Mutation {
  const sizes = [...files].map(([path, bytes]) => [path, bytes.length] as const);
  let at = random(sizes.reduce((sum, [, size]) => sum + size, 0));
  const [path] = sizes.find(([, size]) => (at < size ? true : ((at -= size), false)))!;
  const old = files.get(path)![at]!;
  return { path, offset: at, byte: (old + 1 + random(255)) % 256 };
}

/** The mutations that the Python verifier accepts, by their place in the list. */
function missedByPython(set: string, mutations: readonly object[]): number[] {
  const list = join(dir, "mutations.json");
  writeFileSync(list, JSON.stringify(mutations));
  return JSON.parse(
    execFileSync("python3", [VERIFY_MANY, golden(set), list], { encoding: "utf8" }),
  ) as number[];
}

const missed = { verify: 0, python: 0 };
test.each(SETS)(
  `${EACH} mutations of one byte of %s are found by both verifiers, with seed ${SEED}`,
  async (set) => {
    const random = createRandom(SEED);
    const files = readFiles(golden(set));
    const mutations = Array.from({ length: EACH }, () => mutate(files, random));
    const missedHere: Mutation[] = [];
    for (const mutation of mutations) {
      const bytes = Buffer.from(files.get(mutation.path)!);
      bytes[mutation.offset] = mutation.byte;
      const { findings } = await verifyFolder(inMemory(new Map([...files, [mutation.path, bytes]])));
      if (findings.length === 0) missedHere.push(mutation);
    }
    const list = mutations.map(({ path, offset, byte }) => ({ [path]: [offset, byte] }));
    const missedThere = missedByPython(set, list).map((at) => mutations[at]);
    missed.verify += missedHere.length;
    missed.python += missedThere.length;
    expect(missedHere).toEqual([]);
    expect(missedThere).toEqual([]);
  },
  LONG_MS,
);

test.each(SETS)("an unchanged copy of %s raises no alarm", async (set) => {
  expect((await verifyFolder(inMemory(readFiles(golden(set))))).findings).toEqual([]);
  expect(missedByPython(set, [{}])).toEqual([0]);
});

afterAll(() => {
  if (RESULT !== undefined)
    writeFileSync(RESULT, JSON.stringify({ seed: SEED, mutations: EACH * SETS.length, missed }));
});
