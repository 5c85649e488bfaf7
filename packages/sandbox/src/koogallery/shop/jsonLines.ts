import { appendFile, readFile } from "node:fs/promises";

/**
 * The values of a file of JSON lines; none if there is no file. Ignores a last line without its end, which a kill cut
 * off.
 */
export async function readJsonLines<T>(path: string): Promise<T[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as T);
}

/** Adds a value to a file of JSON lines. */
export async function appendJsonLine(path: string, value: object): Promise<void> {
  await appendFile(path, `${JSON.stringify(value)}\n`);
}
