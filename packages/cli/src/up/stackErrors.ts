import { StackError, type StackErrorCode } from "@quarterpast/devstack";
import { CliError, EXIT, type ExitCode } from "../exit.js";

const EXITS: Record<StackErrorCode, ExitCode> = {
  port_in_use: EXIT.unavailable,
  data_dir_in_use: EXIT.dataDir,
  data_dir_out_of_reach: EXIT.dataDir,
  disk_full: EXIT.dataDir,
  cache_dir_unusable: EXIT.dataDir,
  postgres_version: EXIT.dataDir,
  postgres_missing: EXIT.unavailable,
  postgres_user: EXIT.unavailable,
  redis_missing: EXIT.unavailable,
  start_failed: EXIT.unavailable,
};

/** Gives an error of a server its exit code; other errors stay as they are. */
export function withExitCode(error: unknown): unknown {
  return error instanceof StackError ? new CliError(EXITS[error.code], error.text, error) : error;
}
