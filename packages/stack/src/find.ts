import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { StackError } from "./errors.js";

// What a command needs before it knows whether it runs servers; loads nothing heavy.
export { StackError, type StackErrorCode } from "./errors.js";
export { DEFAULT_PORT_BASE } from "./up/layout.js";

/** Where `up` stores its data by default. */
export const DEFAULT_DATA_DIR = ".quarterpast";

/** The file in the data directory with the ready line of a running `up`; mode 0600, because it contains a key. */
export const STACK_FILE = "stack.json";

/** A running stack and its key. */
export interface Stack {
  /** Without a trailing slash. */
  apiUrl: string;
  apiKey: string;
  /** Where a command may store its own state; it need not exist. */
  dataDir: string;
}

const readyLine = z.object({ api: z.url(), apiKey: z.string().min(1) });

/**
 * Finds the running stack: a given data directory, else `QUARTERPAST_API_URL` with `QUARTERPAST_API_KEY`, else the
 * default data directory.
 * @param options dataDir from `--data-dir`, undefined if not given.
 * @throws StackError `no_stack` if there is none, `settings` if the variables are invalid.
 */
export async function findStack(
  options: { dataDir?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
): Promise<Stack> {
  const dataDir = options.dataDir ?? DEFAULT_DATA_DIR;
  const fromEnvironment = options.dataDir === undefined ? readEnvironment(env) : undefined;
  return { ...(fromEnvironment ?? (await readStackFile(dataDir))), dataDir };
}

function readEnvironment(env: NodeJS.ProcessEnv): Omit<Stack, "dataDir"> | undefined {
  const { QUARTERPAST_API_URL: url, QUARTERPAST_API_KEY: apiKey } = env;
  if (!url && !apiKey) return undefined;
  if (!url || !apiKey) {
    const [missing, other] = url
      ? ["QUARTERPAST_API_KEY", "QUARTERPAST_API_URL"]
      : ["QUARTERPAST_API_URL", "QUARTERPAST_API_KEY"];
    throw new StackError("settings", {
      en: `${missing} is not set, but ${other} is: set both, or neither to use --data-dir`,
      zh: `已设置 ${other}，但未设置 ${missing}：请同时设置两者；或都不设置，改用 --data-dir`,
    });
  }
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new StackError("settings", {
      en: `QUARTERPAST_API_URL is ${JSON.stringify(url)}: set it to the api's address, e.g. http://127.0.0.1:7411`,
      zh: `QUARTERPAST_API_URL 为 ${JSON.stringify(url)}：请设为 api 的地址，例如 http://127.0.0.1:7411`,
    });
  }
  return { apiUrl: url.replace(/\/+$/, ""), apiKey };
}

async function readStackFile(dataDir: string): Promise<Omit<Stack, "dataDir">> {
  const path = join(dataDir, STACK_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(dataDir, path, (error as NodeJS.ErrnoException).code ?? "unknown", error);
  }
  const parsed = readyLine.safeParse(parseJson(text));
  if (parsed.success) return { apiUrl: parsed.data.api.replace(/\/+$/, ""), apiKey: parsed.data.apiKey };
  throw new StackError("no_stack", {
    en: `${path} is not a stack file: stop the stack and run "quarterpast up" again`,
    zh: `${path} 不是有效的 stack 文件：请停止后重新运行 "quarterpast up"`,
  });
}

function unreadable(dataDir: string, path: string, code: string, cause: unknown): StackError {
  if (code !== "ENOENT" && code !== "ENOTDIR") {
    const text = {
      en: `${path} cannot be read (${code}): run as the user who ran "quarterpast up"`,
      zh: `无法读取 ${path}（${code}）：请以运行 "quarterpast up" 的用户身份执行`,
    };
    return new StackError("no_stack", text, cause);
  }
  const text = {
    en: `no running stack in ${dataDir}: start one with "quarterpast up", name its folder with --data-dir, or set QUARTERPAST_API_URL and QUARTERPAST_API_KEY`,
    zh: `${dataDir} 中没有正在运行的系统：请用 "quarterpast up" 启动，或用 --data-dir 指定目录，或设置 QUARTERPAST_API_URL 和 QUARTERPAST_API_KEY`,
  };
  return new StackError("no_stack", text, cause);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
