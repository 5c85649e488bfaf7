import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createLogger, type Logger } from "@quarterpast/runtime";
import type { Text } from "@quarterpast/runtime";
import { STACK_FILE } from "../find.js";
import { rotateLog } from "./files.js";
import { placesIn, portsFrom, type Places, type Ports } from "./layout.js";
import type { UpOptions } from "./options.js";
import type { UpSettings } from "./settings.js";
import type { Supervised } from "./supervisor.js";
import { createUndo, type Undo } from "./undo.js";

/** The input for starting a stack. */
export interface StartRequest {
  options: UpOptions;
  settings: UpSettings;
  env: NodeJS.ProcessEnv;
  /** Called with messages for a person. */
  tell: (text: Text) => void;
  /** Ends the start. */
  signal: AbortSignal;
  /** Called with every process, for a forced end. */
  onPart: (part: Supervised) => void;
}

/** What all steps of a start share. */
export interface StartContext extends StartRequest {
  places: Places;
  ports: Ports;
  undo: Undo;
  /** Writes to a separate log, because the terminal is for people. */
  logger: () => Logger;
}

export function startContext(request: StartRequest): StartContext {
  const places = placesIn(request.options.dataDir, STACK_FILE);
  let logger: Logger | undefined;
  return {
    ...request,
    places,
    ports: portsFrom(request.options.portBase),
    undo: createUndo(),
    logger: () => (logger ??= fileLogger(join(places.logs, "up.log"))),
  };
}

function fileLogger(file: string): Logger {
  rotateLog(file);
  const write = (line: string) => {
    try {
      appendFileSync(file, line, { mode: 0o600 });
    } catch {
      // A full disk must not end the stack only because its log cannot be written.
    }
  };
  return createLogger({ service: "up", destination: { write } });
}
