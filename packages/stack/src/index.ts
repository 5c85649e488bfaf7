export * from "./errors.js";
export * from "./find.js";
export type { MeterComparison, Mismatch } from "./sample/compare.js";
export { grouped } from "./sample/compare.js";
export type { FinalComparison } from "./sample/sample.js";
export type { UpFlags } from "./up/options.js";
export { prepareDatabase } from "./up/prepare.js";
export { runUp, type UpListener, type UpOutcome } from "./up/run.js";
