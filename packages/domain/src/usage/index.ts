/** What a product service needs as well: the client depends on this folder and what it stands on, nothing else of ours. */
export * from "../text.js";
export * from "../errors.js";
export * from "../time.js";
export * from "../quantity.js";
export * from "./usageEvent.js";
export * from "./event.js";
export * from "./identity.js";
export * from "./correction.js";
export * from "./meter.js";
export * from "./retention.js";
export * from "./quarantineAdvice.js";
export * from "./hourStatus.js";
