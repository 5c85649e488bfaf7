import { join } from "node:path";
import { acquireServers } from "@quarterpast/devstack";
import { createHunt } from "./hunt.js";
import { BUGS } from "./list.js";

/** `npm run bugs [NAME…]`: puts each seeded bug into a copy of the product and shows what catches it. */
const wanted = process.argv.slice(2);
const bugs = BUGS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
const servers = await acquireServers();
const hunt = createHunt(join(import.meta.dirname, "../../../.."), servers);
let blind = 0;
try {
  for (const scenario of new Set(bugs.map((bug) => bug.scenario))) {
    const found = await hunt.healthy(scenario);
    if (found.length > 0) blind += 1;
    process.stdout.write(
      `${found.length === 0 ? "quiet " : "FALSE ALARM "} ${scenario} without a bug ${found.slice(0, 3).join(" | ")}\n`,
    );
  }
  for (const bug of bugs) {
    const { found } = await hunt.hunt(bug);
    if (found.length === 0) blind += 1;
    process.stdout.write(
      `${found.length > 0 ? "caught" : "MISSED"} ${bug.name} (${bug.rule}): ${found[0]?.slice(0, 140) ?? ""}\n`,
    );
  }
} finally {
  hunt.end();
  await servers.stop();
}
process.stdout.write(`${bugs.length} bugs, ${blind} not caught or false alarms\n`);
process.exit(blind === 0 ? 0 : 1);
