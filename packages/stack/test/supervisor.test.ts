import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Part } from "../src/up/part.js";
import { supervise } from "../src/up/supervisor.js";

/** A part that runs a line of JavaScript in a separate process. */
function partOf(script: string): Part & { starts: number[]; ends: number[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  return {
    name: "worker",
    logFile: "/logs/worker.log",
    ...{ starts, ends },
    async start() {
      starts.push(performance.now());
      const child = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
      const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
      void exited.then(() => ends.push(performance.now()));
      const stop = async () => {
        child.kill("SIGTERM");
        await exited;
      };
      return { pid: child.pid!, exited, stop };
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isTrue(); await delay(10))
    if (Date.now() > end) throw new Error("it never came");
}

const backoff = { firstMs: 50, capMs: 200, resetAfterMs: 10_000 };

describe("a part that is kept running", () => {
  it("is started again when it was killed, and reported", async () => {
    const part = partOf("setInterval(() => {}, 1000)");
    const lines: string[] = [];
    const restarted: string[] = [];
    const kept = await supervise(part, {
      tell: ({ en }) => lines.push(en),
      onRestarted: (name) => restarted.push(name),
      backoff,
    });
    const first = kept.pid()!;
    process.kill(first, "SIGKILL");
    await until(() => restarted.length === 1);
    expect(kept.pid()).not.toBe(first);
    expect(lines).toEqual(["worker was killed; starting it again"]);
    await kept.stop();
    expect(part.starts).toHaveLength(2);
    expect(kept.pid()).toBeUndefined();
  });

  it("is tried on with growing pauses, and its log is named", async () => {
    const part = partOf("process.exit(7)");
    const lines: string[] = [];
    const kept = await supervise(part, { tell: ({ en }) => lines.push(en), backoff });
    await until(() => part.starts.length === 5);
    expect(kept.lastExit()).toBe(7);
    await kept.stop();
    const pauses = part.starts.slice(1, 5).map((at, index) => at - part.ends[index]!);
    [50, 100, 200, 200].forEach((atLeast, index) => expect(pauses[index]).toBeGreaterThan(atLeast - 5));
    expect(lines[0]).toBe("worker ended with 7; starting it again");
    expect(lines[2]).toBe(
      "worker ended with 7, 3 times in a row; why is in /logs/worker.log; starting it again",
    );
  });

  it("is not started again once it was stopped", async () => {
    const part = partOf("process.exit(1)");
    const kept = await supervise(part, { tell: () => {}, backoff });
    await until(() => kept.lastExit() === 1);
    await kept.stop();
    const { length } = part.starts;
    await delay(300);
    expect(part.starts).toHaveLength(length);
  });
});
