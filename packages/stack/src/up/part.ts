/** A running process of the stack. */
export interface RunningPart {
  pid: number;
  /** Ends it cleanly; resolves when it has ended. */
  stop(): Promise<void>;
  /** Resolves when it has ended for any reason: its exit code, null if a signal ended it. */
  exited: Promise<number | null>;
}

/** A process of the stack. */
export interface Part {
  name: string;
  logFile: string;
  start(): Promise<RunningPart>;
}
