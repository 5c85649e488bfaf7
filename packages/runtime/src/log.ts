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

/**
 * Secrets are hidden at the top level and up to three objects deep, because pino's paths cannot say "at any depth".
 */
const REDACTED = SECRET_FIELDS.flatMap((field) => {
  const step = field.startsWith("[") ? field : `.${field}`;
  return [field, `*${step}`, `*.*${step}`, `*.*.*${step}`];
});

/** Creates the logger of a service. Lines go to stdout, written synchronously, unless a destination is given. */
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
  // Not pino's default destination: that one buffers, and its final flush never ends if the pipe has no reader any
  // longer.
  return pino(settings, options.destination ?? pino.destination({ fd: 1, sync: true }));
}
