import { createLogger, type Logger } from "../../src/log.js";

/** A logger whose lines tests can inspect. */
export function memoryLog(): { logger: Logger; lines: () => Record<string, unknown>[]; text: () => string } {
  const written: string[] = [];
  const logger = createLogger({
    service: "test",
    level: "trace",
    destination: { write: (line) => void written.push(line) },
  });
  return {
    logger,
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => written.join(""),
  };
}
