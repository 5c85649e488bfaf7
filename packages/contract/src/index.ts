export * from "./api.js";
export * from "./client.js";
export { encodeCursor } from "./cursor.js";
export { field, infoOf, type FieldInfo, type Unit } from "./field.js";
export * from "./problem.js";
export * from "./route.js";
export { exportRow, rebuiltHour } from "./routes/proofs.js";
export * from "./wrong.js";
