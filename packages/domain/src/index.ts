export * from "./usage/index.js";
export * from "./billing/index.js";
export * from "./placement/index.js";
export * from "./proof/index.js";
export * from "./access.js";
export * from "./json.js";
