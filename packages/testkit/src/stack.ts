import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reservePorts } from "@quarterpast/stack/servers";

const BIN = fileURLToPath(new URL("../../cli/bin/quarterpast.mjs", import.meta.url));
const READY_WITHIN_MS = 90_000;
/** `up` uses eight ports from its base on. */
const PORTS = 8;

/** What `quarterpast up` prints when it is ready. */
export interface ReadyLine {
  ready: true;
  collector: string;
  api: string;
  storefront: string;
  sandbox: string | null;
  database: string;
  redis: string;
  apiKey: string;
  clock: { start: string; at: string; rate: number };
}

/** A stack as a user has it: started, queried and stopped only through the CLI. */
export interface Stack {
  ready: ReadyLine;
  dataDir: string;
  process: ChildProcess;
  cli(...args: string[]): Promise<CliResult>;
  /** Ctrl-C; resolves with the exit code when everything has ended. */
  interrupt(): Promise<number | null>;
  end(keep?: boolean): Promise<void>;
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one command to its end. @param bin of another checkout, if not of this one */
export async function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  bin = BIN,
): Promise<CliResult> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, QUARTERPAST_LANG: "en", ...env },
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const code = await exitOf(child);
  return { code, stdout: await stdout, stderr: await stderr };
}

/** Starts `quarterpast up`. @param bin of another checkout, if not of this one */
export async function startStack(
  options: readonly string[],
  dataDir = mkdtempSync(join(tmpdir(), "quarterpast-stack-")),
  bin = BIN,
): Promise<Stack> {
  const base = await reserveBase();
  const args = ["up", "--data-dir", dataDir, "--port-base", String(base), ...options];
  const child = spawn(process.execPath, [bin, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, QUARTERPAST_LANG: "en" },
  });
  const progress: string[] = [];
  createInterface(child.stderr).on("line", (line) => progress.push(line));
  const ready = await new Promise<ReadyLine>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}\n${progress.join("\n")}`));
    const timer = setTimeout(() => fail("not ready in time"), READY_WITHIN_MS);
    createInterface(child.stdout).once(
      "line",
      (line) => (clearTimeout(timer), resolve(JSON.parse(line) as ReadyLine)),
    );
    child.once("exit", (code) => (clearTimeout(timer), fail(`up ended with ${code}`)));
  });
  const interrupt = async (): Promise<number | null> => {
    if (child.exitCode !== null) return child.exitCode;
    child.kill("SIGINT");
    return exitOf(child);
  };
  return {
    ready,
    dataDir,
    process: child,
    cli: (...rest) => runCli([...rest, "--data-dir", dataDir], {}, bin),
    interrupt,
    end: async (keep) => {
      await interrupt();
      if (!keep) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The first of a stack's ports, reserved for this process. */
export async function reserveBase(): Promise<number> {
  return (await reservePorts(PORTS))[0]!;
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) =>
    child.exitCode === null ? child.once("exit", resolve) : resolve(child.exitCode),
  );
}
