import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";
import type { LogLevel } from "./settings.js";

/** A structured logger (pino): JSON lines with time, level and service. */
export type Logger = PinoLogger;

const SECRET_FIELDS = [
  "authorization",
  "Authorization",
  "apiKey",
  "api_key",
  "accessKey",
  "marketplaceKey",
  "secret",
  "secretKey",
  "password",
  "passwd",
  "token",
  "cookie",
  '["set-cookie"]',
  '["x-api-key"]',
  '["x-auth-token"]',
];

/** Secrets are hidden at the top and up to three objects deep: pino's paths have no "at any depth". */
const REDACTED = SECRET_FIELDS.flatMap((field) => {
  const step = field.startsWith("[") ? field : `.${field}`;
  return [field, `*${step}`, `*.*${step}`, `*.*.*${step}`];
});

/** Makes the logger of a service. Lines go to stdout, written at once, unless a destination is given. */
export function createLogger(options: {
  service: string;
  level?: LogLevel;
  destination?: DestinationStream;
}): Logger {
  const settings = {
    level: options.level ?? "info",
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: "(hidden)" },
  };
  // Not pino's own default: that one buffers, and its flush at the end never ends where nobody reads the pipe any more.
  return pino(settings, options.destination ?? pino.destination({ fd: 1, sync: true }));
}
