import { play } from "./scenarios.js";

/** `node play.js SCENARIO ROOT DIR`: one scenario in a separate process; its findings are the last line. */
const [, , scenario, root, dir] = process.argv;
const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = process.env;
process.on("unhandledRejection", (error) => {
  process.stdout.write(`${JSON.stringify([String(error)])}\n`);
  process.exit(0);
});
const found = await play(scenario!, {
  root: root!,
  dir: dir!,
  databaseUrl: databaseUrl!,
  redisUrl: redisUrl!,
});
process.stdout.write(`${JSON.stringify(found)}\n`);
process.exit(0);
