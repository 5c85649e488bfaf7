import type { SettingRow } from "@quarterpast/runtime";

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
  /** Its settings of the environment, as docs/settings.md shows them. */
  settingRows: readonly SettingRow[];
  /**
   * Starts it by the settings of the environment.
   * @throws SettingsError with every setting that cannot be used
   */
  start(env: NodeJS.ProcessEnv, logger: SandboxLogger): Promise<RunningSandbox>;
}
