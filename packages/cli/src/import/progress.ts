import { SingleBar } from "cli-progress";
import { say, type Text } from "../lang.js";
import type { Tally } from "./tally.js";

/** The progress of an import for a person: on stderr, with a bar only on a terminal. */
export interface Progress {
  update(bytes: number, tally: Tally): void;
  /** Prints one line; the bar stays below it. */
  note(text: Text): void;
  stop(): void;
}

/** Creates the progress of a file. */
export function createProgress(stream: NodeJS.WriteStream, totalBytes: number): Progress {
  const bar = stream.isTTY ? startBar(stream, totalBytes) : undefined;
  return {
    update: (bytes, { rows, accepted, rejected }) => bar?.update(bytes, { rows, accepted, rejected }),
    note(text) {
      // The bar redraws itself on the next line.
      if (bar) stream.write("\r\u001b[K");
      stream.write(`${say(text)}\n`);
    },
    stop: () => bar?.stop(),
  };
}

function startBar(stream: NodeJS.WriteStream, totalBytes: number): SingleBar {
  const format = say({
    en: "{bar} {percentage}%  {rows} rows, {accepted} accepted, {rejected} rejected",
    zh: "{bar} {percentage}%  {rows} 行，接受 {accepted}，拒绝 {rejected}",
  });
  const bar = new SingleBar({ stream, format, hideCursor: true, clearOnComplete: true, barsize: 30 });
  bar.start(totalBytes, 0, { rows: 0, accepted: 0, rejected: 0 });
  return bar;
}
