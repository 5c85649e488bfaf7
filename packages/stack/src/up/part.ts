/** A process of the stack that runs. */
export interface RunningPart {
  pid: number;
  /** Ends it cleanly; resolves when it is gone. */
  stop(): Promise<void>;
  /** Resolves when it has ended, by itself or not: its exit code, null where a signal ended it. */
  exited: Promise<number | null>;
}

/** A process of the stack. */
export interface Part {
  name: string;
  logFile: string;
  start(): Promise<RunningPart>;
}
