export { createSandbox, type Sandbox, type SandboxStore } from "./koogallery/sandbox.js";
export type { SandboxLogger, SandboxOptions, Site } from "./koogallery/options.js";
export type { ClockView } from "./koogallery/control.js";
export { FAULT_MODES, type FaultInput } from "./koogallery/faults/schema.js";
export type { InstanceInput, InstancePolicy } from "./koogallery/rules/instances.js";
export { RETRY_SCHEDULES, type Retries, type RetrySchedule } from "./koogallery/shop/retries.js";
export type { RecordChecks } from "./koogallery/rules/request.js";
export type { SdrState } from "./koogallery/ledger/entry.js";
export type { SdrRow } from "./koogallery/views/list.js";
export type { Total, Totals } from "./koogallery/views/totals.js";
export type { CallSummary } from "./koogallery/ledger/calls.js";
export type {
  CallLine,
  ClockLine,
  CollectedLine,
  HeadLine,
  InstanceLine,
  Line,
  VerdictLine,
} from "./koogallery/ledger/lines.js";
export { OLD_PUSH_PATH, PUSH_PATH } from "./koogallery/routes/push.js";
