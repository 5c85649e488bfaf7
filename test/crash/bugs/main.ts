import { join } from "node:path";
import { acquireServers } from "@quarterpast/testkit/servers";
import { createHunt } from "./hunt.js";
import { BUGS } from "./list.js";

/** `npm run bugs [-- --json NAME…]`: puts each seeded bug into a copy of the product and shows what catches it. */
const isJson = process.argv.includes("--json");
const wanted = process.argv.slice(2).filter((word) => word !== "--json");
const bugs = BUGS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
const servers = await acquireServers();
const hunt = createHunt(join(import.meta.dirname, "../../../.."), servers);
let falseAlarms = 0;
let missed = 0;
try {
  for (const scenario of new Set(bugs.map((bug) => bug.scenario))) {
    const found = await hunt.healthy(scenario);
    if (found.length > 0) falseAlarms += 1;
    process.stdout.write(
      `${found.length === 0 ? "quiet " : "FALSE ALARM "} ${scenario} without a bug ${found.slice(0, 3).join(" | ")}\n`,
    );
  }
  for (const bug of bugs) {
    const { found } = await hunt.hunt(bug);
    if (found.length === 0) missed += 1;
    process.stdout.write(
      `${found.length > 0 ? "caught" : "MISSED"} ${bug.name} (${bug.rule}): ${found[0]?.slice(0, 140) ?? ""}\n`,
    );
  }
} finally {
  hunt.end();
  await servers.stop();
}
const isGood = missed + falseAlarms === 0;
const figures = { isGood, bugs: bugs.length, caught: bugs.length - missed, falseAlarms };
process.stdout.write(
  isJson
    ? `${JSON.stringify(figures)}\n`
    : `${bugs.length} bugs, ${missed} not caught, ${falseAlarms} false alarms\n`,
);
process.exit(isGood ? 0 : 1);
