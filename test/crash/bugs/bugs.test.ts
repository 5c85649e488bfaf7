import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { testServers } from "@quarterpast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHunt, type Hunt } from "./hunt.js";
import { BUGS } from "./list.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Three at a time: BUGS_TURN, or the day since 1970, decides which. */
const turn = Number(process.env.BUGS_TURN ?? Math.floor(Date.now() / 86_400_000));
const three = [0, 1, 2].map((at) => BUGS[(turn * 3 + at) % BUGS.length]!);

let hunt: Hunt;
beforeAll(() => {
  const tsc = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
  execFileSync(process.execPath, [tsc, "-p", fileURLToPath(new URL("../tsconfig.json", import.meta.url))]);
  hunt = createHunt(ROOT, testServers());
});
afterAll(() => hunt.end());

test("there are at least 15 seeded bugs, each with a name of its own", () => {
  expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
  expect(BUGS.length).toBeGreaterThanOrEqual(15);
});

test.each([...new Set(three.map(({ scenario }) => scenario))])(
  "the scenario %s is quiet without a bug",
  { timeout: 90_000 },
  async (scenario) => {
    expect(await hunt.healthy(scenario)).toEqual([]);
  },
);

test.each(three.map((bug): [string, (typeof three)[number]] => [bug.name, bug]))(
  "caught: %s",
  { timeout: 90_000 },
  async (_name, bug) => {
    expect((await hunt.hunt(bug)).found).not.toEqual([]);
  },
);
