import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Runs `end` after the test, last first. */
export function atEnd(end: () => unknown): void {
  ends.push(end);
}

/** A folder that is removed after the test; servers of another user may pass through it. */
export function temporaryDir(mode = 0o711): string {
  const dir = mkdtempSync(join(tmpdir(), "stack-test-"));
  chmodSync(dir, mode);
  atEnd(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Starts a Postgres in the folder from a separate process; returns what that reported. */
export async function startElsewhere(
  dataDir: string,
  ids: { uid?: number; gid?: number } = {},
): Promise<{ child: ChildProcess; told: { pid?: number; url?: string; code?: string } }> {
  const script = fileURLToPath(new URL("./start.mjs", import.meta.url));
  const child = fork(script, [dataDir], { ...ids, cwd: "/" });
  atEnd(() => child.kill("SIGKILL"));
  const [told] = (await once(child, "message")) as [{ pid?: number; url?: string; code?: string }];
  return { child, told };
}
