import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createConsumer } from "@quarterpast/queue";
import { expect, onTestFinished, test } from "vitest";
import { createStand, post, temporaryDir, until, usageEvent } from "./kit.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

function start(env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, LOG_LEVEL: "silent", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function ready(child: ChildProcess): Promise<{ url: string }> {
  const [message] = (await once(child, "message")) as [{ url: string }];
  return message;
}

test("what a killed collector acknowledged reaches the queue, whatever Redis kept", async () => {
  const stand = await createStand();
  onTestFinished(() => stand.end());
  const acknowledged = new Set<string>();
  for (let kill = 0; kill < 3; kill += 1) {
    const child = start(stand.env);
    const collector = await ready(child);
    const sender = async () => {
      for (;;) {
        const event = usageEvent();
        const status = await post(collector, event).then(
          (response) => response.status,
          () => 0,
        );
        if (status === 0) return;
        if (status === 202) acknowledged.add(event.id as string);
      }
    };
    const senders = Array.from({ length: 8 }, sender);
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 50);
    child.kill("SIGKILL");
    await Promise.all(senders);
  }
  const last = start(stand.env);
  await ready(last);
  const found = new Set<string>();
  const consumer = createConsumer({
    redisUrl: stand.env.REDIS_URL,
    prefix: stand.env.QUEUE_PREFIX,
    concurrency: 4,
    process: async ({ events }) => events.forEach(({ id }) => found.add(id)),
    onError: () => {},
  });
  onTestFinished(() => consumer.close());
  await until(() => [...acknowledged].every((id) => found.has(id)));
  last.kill("SIGTERM");
  expect((await once(last, "exit"))[0]).toBe(0);
});

/** Keeps a port taken while the tests run. */
const taken = createServer().listen(0, "127.0.0.1").unref();
await once(taken, "listening");

test.each([
  ["a setting that is missing", { COLLECTOR_DATA_DIR: "" }, 78, /COLLECTOR_DATA_DIR/],
  ["a policy it does not know", { REDIS_DOWN: "maybe" }, 78, /REDIS_DOWN.*strict or journal/],
  ["an accept window beyond the dedupe retention", { ACCEPT_PAST_HOURS: "841" }, 78, /ACCEPT_PAST_HOURS/],
  [
    "a journal folder below a file",
    { COLLECTOR_DATA_DIR: `${MAIN}/journal` },
    78,
    /COLLECTOR_DATA_DIR.*ENOTDIR/,
  ],
  [
    "a port in use",
    { PORT: String((taken.address() as AddressInfo).port) },
    78,
    /PORT is 127\.0\.0\.1:\d+.*EADDRINUSE/,
  ],
  ["a journal kept longer than identities", { JOURNAL_KEEP_HOURS: "200" }, 78, /JOURNAL_KEEP_HOURS/],
])("ends in one line for %s", async (_what, env, code, line) => {
  const folder = temporaryDir();
  onTestFinished(folder.remove);
  const settings = {
    PORT: "0",
    DATABASE_URL: "postgres://127.0.0.1:1/none",
    REDIS_URL: "redis://127.0.0.1:1",
    COLLECTOR_DATA_DIR: folder.dir,
    QUARTERPAST_LANG: "en",
    ...env,
  };
  const child = start(settings);
  let told = "";
  child.stderr!.on("data", (bytes: Buffer) => (told += bytes.toString()));
  expect((await once(child, "exit"))[0]).toBe(code);
  expect(told).toMatch(line);
  expect(told.trim().split("\n")).toHaveLength(1);
});
