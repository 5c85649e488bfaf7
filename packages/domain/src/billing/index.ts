export * from "./limits.js";
export * from "./outcome.js";
export * from "./state.js";
export * from "./waiting.js";
export * from "./record.js";
export * from "./period.js";
export * from "./price.js";
export * from "./finding.js";
