export * from "../errors.js";
export * from "./ports.js";
export * from "./postgres.js";
export * from "./redis.js";
export * from "./redisConfig.js";
export * from "./redisFind.js";
