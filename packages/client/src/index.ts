export { createUsageClient } from "./client.js";
export type { SendError, SendResult, UsageClient, UsageClientOptions } from "./client.js";
export { RejectedEvent, RequestRefused, SpoolError, UnacknowledgedEvent } from "./errors.js";
export type { Refusal, SpoolProblem } from "./errors.js";
export type { UsageInput } from "./event.js";
export type { RetryOptions } from "./retry.js";
export type { SpoolOptions } from "./spool/spool.js";
export { uuidV7 } from "./uuid.js";
export type { RandomBytes } from "./uuid.js";
