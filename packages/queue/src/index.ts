export * from "./batch.js";
export * from "./connection.js";
export * from "./consumer.js";
export * from "./durability.js";
export * from "./producer.js";
export * from "./room.js";
