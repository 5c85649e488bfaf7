// Starts a test's Redis and waits to be killed.
import { startTestRedis } from "@quarterpast/testkit/servers";

const { pid, dataDir } = await startTestRedis();
process.send({ pid, dataDir });
