import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SERVICE = fileURLToPath(new URL("./helpers/service.mjs", import.meta.url));

function run(mode: string, env: NodeJS.ProcessEnv = {}, ipc = true) {
  const child = spawn(process.execPath, [SERVICE, mode], {
    stdio: ["ignore", "pipe", "pipe", ...(ipc ? (["ipc"] as const) : [])],
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  const all = Promise.all([once(child, "exit"), text(child.stdout!), text(child.stderr!)]);
  const ended = all.then(([[code], out, err]) => ({ code: code as number, out, err }));
  return { child, ended };
}

describe("runService", () => {
  it("reports to its parent that it is ready and stops on SIGTERM", async () => {
    const { child, ended } = run("works");
    const [message] = (await once(child, "message")) as [unknown];
    expect(message).toEqual({ ready: true, url: "http://here" });
    child.kill("SIGTERM");
    const { code, out } = await ended;
    expect(code).toBe(0);
    expect(out).toContain("sample is put away");
  });

  it("leaves Ctrl-C to its parent", async () => {
    const { child, ended } = run("works");
    await once(child, "message");
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect((await ended).code).toBe(0);
  });

  it("stops on SIGINT without a parent, also while it starts", async () => {
    const { child, ended } = run("slow", {}, false);
    await once(child.stdout!, "data");
    child.kill("SIGINT");
    const { code, out } = await ended;
    expect(code).toBe(0);
    expect(out).toContain("sample is put away");
  });

  it("stops when its parent is gone", async () => {
    const { child, ended } = run("works");
    await once(child, "message");
    child.disconnect();
    const { code, out } = await ended;
    expect([code, out.match(/put away/g)?.length]).toEqual([0, 1]);
  });

  it("stops although its log is no longer read", async () => {
    const { child, ended: read } = run("works");
    read.catch(() => {});
    await once(child, "message");
    child.stdout!.destroy();
    const gone = once(child, "exit");
    child.disconnect();
    const ended = await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5_000, "hangs"))]);
    child.kill("SIGKILL");
    expect(ended).toEqual([0, null]);
  });

  it("ends with 1 on an unhandled error, and logs it", async () => {
    const { code, out } = await run("crashes").ended;
    expect(code).toBe(1);
    expect(out).toContain("nobody handles me");
    expect(out).toContain("sample is put away");
  });

  it("ends with 1 when the start fails", async () => {
    const { code, out } = await run("fails").ended;
    expect(code).toBe(1);
    expect(out).toContain("cannot begin");
  });

  it("ends with 78 and a line for each wrong setting, in the reader's language", async () => {
    const english = await run("settings").ended;
    expect(english.code).toBe(78);
    expect(english.err).toBe(
      'sample: setting PORT is "x"; expected: a port\n' +
        "sample: setting HOST is (not set); expected: a port\n",
    );
    const chinese = await run("settings", { QUARTERPAST_LANG: "zh" }).ended;
    expect(chinese.err).toContain("应为：端口");
  });
});
