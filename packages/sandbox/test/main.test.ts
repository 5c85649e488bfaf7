import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { Sandbox } from "../src/koogallery/index.js";
import { folder, get, KEY, push, put, rec } from "./kit.js";

const MAIN = fileURLToPath(import.meta.resolve("@quarterpast/sandbox/main"));

function start(env: Record<string, string>, command = [process.execPath, MAIN]): ChildProcess {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    env: { PATH: process.env["PATH"], LOG_LEVEL: "silent", SANDBOX_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function ready(child: ChildProcess): Promise<Sandbox> {
  const [message] = (await once(child, "message")) as [{ url: string }];
  return { url: message.url } as Sandbox;
}

test("a killed process continues with what it acknowledged", async () => {
  const env = { SANDBOX_KEY: KEY, SANDBOX_DATA_DIR: await folder() };
  const first = start(env);
  const box = await ready(first);
  await put(box, "/sandbox/clock", { start: "2026-03-10T12:05:00Z", rate: 0 });
  const pushes = Array.from({ length: 20 }, (_, index) => push(box, rec({ instance_id: `i-${index}` })));
  const acknowledged = (await Promise.all(pushes)).filter((reply) => reply.code === "MKT.0000");
  first.kill("SIGKILL");
  await once(first, "exit");
  const second = await ready(start(env));
  await put(second, "/sandbox/clock", { start: "2026-03-10T12:15:00Z", rate: 0 });
  expect(acknowledged).toHaveLength(20);
  expect(await get(second, "/sandbox/totals")).toMatchObject({
    total: { usage: "30", records: 20 },
    counts: { billed: 20 },
  });
});

test("settings that cannot be used end the process in one line each", async () => {
  const child = start({ SANDBOX_PORT: "no", SANDBOX_SITE: "moon", SANDBOX_DATA_DIR: await folder() });
  let told = "";
  child.stderr?.on("data", (chunk) => (told += String(chunk)));
  const [code] = await once(child, "exit");
  expect(code).toBe(78);
  expect(told.trim().split("\n")).toHaveLength(3);
  expect(told).toContain("SANDBOX_KEY");
});

test.skipIf(process.platform === "win32")("a full disk refuses calls and spoils nothing", async () => {
  const env = { SANDBOX_KEY: KEY, SANDBOX_DATA_DIR: await folder() };
  const limited = `ulimit -f 16; exec "$0" "$1"`;
  const child = start(env, ["bash", "-c", limited, process.execPath, MAIN]);
  const box = await ready(child);
  await put(box, "/sandbox/clock", { start: "2026-03-10T12:05:00Z", rate: 0 });
  let accepted = 0;
  let reply = await push(box, rec({ instance_id: "i" }));
  for (; reply.code === "MKT.0000" && accepted < 100; accepted += 1) {
    reply = await push(box, rec({ instance_id: `i-${accepted}` }));
  }
  expect(reply).toMatchObject({ status: 500, code: "MKT.0999" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const second = await ready(start(env));
  const { counts } = await get(second, "/sandbox/totals");
  expect(accepted).toBeGreaterThan(5);
  expect(counts.pending + counts.normal).toBe(accepted);
});
