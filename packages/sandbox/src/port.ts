/** The part of a logger that a sandbox uses; a pino logger fits. */
export type SandboxLogger = {
  info(data: object, message: string): void;
  error(data: object, message: string): void;
};

/** A sandbox that listens. */
export interface RunningSandbox {
  url: string;
  port: number;
  /** Where it keeps what it took. */
  path: string;
  close(): Promise<void>;
}

/** One marketplace's sandbox, as its folder gives it. */
export interface SandboxKind {
  /** The marketplace's name, as accounts name it. */
  name: string;
  /**
   * Starts it by the settings of the environment.
   * @throws SettingsError with every setting that cannot be used
   */
  start(env: NodeJS.ProcessEnv, logger: SandboxLogger): Promise<RunningSandbox>;
}
