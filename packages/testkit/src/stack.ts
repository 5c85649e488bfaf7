import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
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

/** A run of `quarterpast up`: what it wrote so far, and how it ends. */
export interface UpRun {
  process: ChildProcess;
  said: { out: string; err: string };
  ended: Promise<number | null>;
  /** Resolves with the one line that it prints when all is ready; fails with what it told if it ends before. */
  ready(): Promise<ReadyLine>;
}

/** Runs `quarterpast up` with these options. */
export function runUp(options: readonly string[], env: NodeJS.ProcessEnv = {}, bin = BIN): UpRun {
  const child = spawn(process.execPath, [bin, "up", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, QUARTERPAST_LANG: "en", ...env },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (said.out += String(chunk)));
  child.stderr.on("data", (chunk) => (said.err += String(chunk)));
  const ready = (): Promise<ReadyLine> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => (clearTimeout(timer), reject(new Error(`${why}\n${said.err}`)));
      const timer = setTimeout(() => fail("not ready in time"), READY_WITHIN_MS);
      const look = (): void => {
        if (!said.out.includes("\n")) return;
        clearTimeout(timer);
        resolve(JSON.parse(said.out.slice(0, said.out.indexOf("\n"))) as ReadyLine);
      };
      child.stdout.on("data", look);
      child.once("exit", (code) => fail(`up ended with ${code}`));
      look();
    });
  return { process: child, said, ended: exitOf(child), ready };
}

/** Starts `quarterpast up`. @param given.bin of another checkout, if not of this one */
export async function startStack(
  options: readonly string[],
  dataDir = mkdtempSync(join(tmpdir(), "quarterpast-stack-")),
  { env = {}, bin = BIN }: { env?: NodeJS.ProcessEnv; bin?: string } = {},
): Promise<Stack> {
  const base = await reserveBase();
  const run = runUp(["--data-dir", dataDir, "--port-base", String(base), ...options], env, bin);
  const ready = await run.ready();
  const interrupt = (): Promise<number | null> => {
    run.process.kill("SIGINT");
    return run.ended;
  };
  return {
    ready,
    dataDir,
    process: run.process,
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
