export * from "./interval.js";
export * from "./plan.js";
export * from "./rereport.js";
