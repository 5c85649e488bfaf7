import type { Text } from "./lang.js";

/** Exit codes of the command; documented in the package's README. */
export const EXIT = {
  ok: 0,
  /** It failed, or the outcome is not the one asked for. */
  failed: 1,
  /** Wrong arguments. */
  usage: 2,
  /** A verification or reconciliation found differences. */
  differences: 3,
  /** No running stack was found, or it does not answer. */
  noStack: 4,
  /** The service refused. */
  refused: 5,
  /** A needed server or port is unavailable. */
  unavailable: 69,
  /** The data directory cannot be used, or is in use. */
  dataDir: 73,
  /** Wrong settings. */
  settings: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An expected end of a command: its exit code, and one line that says what happened and what to do. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly text: Text;

  constructor(exitCode: ExitCode, text: Text, cause?: unknown) {
    super(text.en, { cause });
    this.name = "CliError";
    this.exitCode = exitCode;
    this.text = text;
  }
}
