import { crc32 } from "node:zlib";
import type { CloudEvent } from "@quarterpast/domain/usage";

/** A line of a spool file: an event under its number, or the numbers of settled events. */
export type SpoolLine = { seq: number; event: CloudEvent } | { settled: number[] };

/** The line of an event, from its JSON. */
export const eventLine = (seq: number, event: string): string => frame(`{"seq":${seq},"event":${event}}`);

/** The line that lists settled events. */
export const settledLine = (settled: readonly number[]): string => frame(JSON.stringify({ settled }));

/** CRC-32 of the JSON in hex, a blank, the JSON, a line feed. */
function frame(json: string): string {
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

/**
 * Reads the lines of a file's text.
 * @returns `damaged`: how many lines cannot be read, except a torn one at the end, which was never acknowledged
 */
export function readLines(text: string): { lines: SpoolLine[]; damaged: number } {
  const parts = text.split("\n");
  parts.pop();
  const lines: SpoolLine[] = [];
  let damaged = 0;
  for (const part of parts) {
    const json = part.slice(9);
    if (part.slice(0, 8) === crc32(json).toString(16).padStart(8, "0"))
      lines.push(JSON.parse(json) as SpoolLine);
    else damaged += 1;
  }
  return { lines, damaged };
}
