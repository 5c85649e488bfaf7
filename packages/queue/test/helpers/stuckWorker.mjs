// Takes one batch, reports it to its parent, and never finishes it: to be killed.
import { createConsumer } from "@quarterpast/queue";

const [redisUrl, prefix] = process.argv.slice(2);
createConsumer({
  redisUrl,
  prefix,
  concurrency: 1,
  process: () => new Promise(() => process.send("taken")),
  onError: () => {},
});
