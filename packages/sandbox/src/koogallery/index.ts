export { createSandbox, type Sandbox, type SandboxStore } from "./sandbox.js";
export type { SandboxOptions, Site } from "./options.js";
export type { ClockView } from "./control.js";
export { FAULT_MODES, type FaultInput } from "./faults/schema.js";
export type { InstanceInput, InstancePolicy } from "./rules/instances.js";
export { RETRY_SCHEDULES, type Retries, type RetrySchedule } from "./shop/retries.js";
export type { RecordChecks } from "./rules/request.js";
export type { SdrState } from "./ledger/entry.js";
export type { SdrRow } from "./views/list.js";
export type { Total, Totals } from "./views/totals.js";
export type { CallSummary } from "./ledger/calls.js";
export type {
  CallLine,
  ClockLine,
  CollectedLine,
  HeadLine,
  InstanceLine,
  Line,
  VerdictLine,
} from "./ledger/lines.js";
export { OLD_PUSH_PATH, PUSH_PATH } from "./routes/push.js";
export { readSandboxOptions } from "./settings.js";
