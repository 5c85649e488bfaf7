export * from "./port.js";
export * from "./registry.js";
