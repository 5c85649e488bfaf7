import { StackError } from "../errors.js";
import { isPortFree } from "../servers/ports.js";
import { PORT_COUNT } from "./layout.js";

/**
 * Checks that all ports are free, before anything is started.
 * @param needed port by the name of its listener.
 * @throws StackError `unavailable` that names those in use and a base with free ports.
 */
export async function checkPorts(needed: Readonly<Record<string, number>>, portBase: number): Promise<void> {
  const found = await Promise.all(
    Object.entries(needed).map(async ([name, port]) => ((await isPortFree(port)) ? [] : [{ name, port }])),
  );
  const busy = found.flat().sort((a, b) => a.port - b.port);
  if (busy.length === 0) return;
  const free = await findFreeBase(portBase);
  const listed = (separator: string) => busy.map(({ name, port }) => `${port} (${name})`).join(separator);
  const [tryEn, tryZh] =
    free === undefined ? ["", ""] : [`, such as --port-base ${free}`, `，例如 --port-base ${free}`];
  throw new StackError("unavailable", {
    en: `in use: port ${listed(", ")}; end the program that has it, or choose other ports${tryEn || " with --port-base"}`,
    zh: `端口被占用：${listed("、")}；请结束占用它的程序，或换一组端口${tryZh || "（--port-base）"}`,
  });
}

const BASES_TRIED = 20;

async function findFreeBase(from: number): Promise<number | undefined> {
  for (let tried = 1; tried <= BASES_TRIED; tried += 1) {
    const base = from + tried * 10;
    if (base + PORT_COUNT > 65_536) return undefined;
    const free = await Promise.all(Array.from({ length: PORT_COUNT }, (_, at) => isPortFree(base + at)));
    if (free.every(Boolean)) return base;
  }
  return undefined;
}
