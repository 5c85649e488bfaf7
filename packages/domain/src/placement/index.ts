export * from "./interval.js";
export * from "./plan.js";
export * from "./rereport.js";
export * from "./hourSlots.js";
export * from "./placement.js";
