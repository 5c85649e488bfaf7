import type { StackErrorCode } from "@quarterpast/stack/find";
import { EXIT, type ExitCode } from "./exit.js";

/** Exit codes for errors of the stack. */
export const STACK_EXITS: Record<StackErrorCode, ExitCode> = {
  usage: EXIT.usage,
  settings: EXIT.settings,
  no_stack: EXIT.noStack,
  interrupted: EXIT.interrupted,
  unavailable: EXIT.unavailable,
  port_in_use: EXIT.unavailable,
  postgres_missing: EXIT.unavailable,
  postgres_user: EXIT.unavailable,
  redis_missing: EXIT.unavailable,
  start_failed: EXIT.unavailable,
  data_dir: EXIT.dataDir,
  data_dir_in_use: EXIT.dataDir,
  data_dir_out_of_reach: EXIT.dataDir,
  disk_full: EXIT.dataDir,
  cache_dir_unusable: EXIT.dataDir,
  postgres_version: EXIT.dataDir,
};
