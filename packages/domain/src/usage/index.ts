/**
 * What a product service also needs: of our packages, the client depends only on this folder and the modules it
 * imports.
 */
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
