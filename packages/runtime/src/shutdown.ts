import closeWithGrace from "close-with-grace";
import { createLogger, type Logger } from "./log.js";
import { logLevelSetting, settingsErrorOf } from "./settings.js";
import { languageOf } from "./text.js";

/** A running service. `ready` resolves when it accepts work; its result is sent to the parent process. */
export interface Service {
  stop(): Promise<void>;
  ready?: () => Promise<object | void>;
}

/** What a service is started with. The signal fires when the process is asked to end, even before it is ready. */
export interface ServiceContext {
  logger: Logger;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** Exit code for invalid settings (EX_CONFIG of sysexits.h). */
export const EXIT_SETTINGS = 78;

const STOP_WITHIN_MS = 10_000;

/**
 * Runs a service as this process: starts it, sends `{ready: true, …}` to a parent over IPC, and stops it on SIGTERM,
 * SIGINT or when the parent has ended. Exit codes: 0 stopped; 1 failed (see the log); 78 settings (one line each on
 * stderr).
 */
export function runService(options: {
  name: string;
  start: (context: ServiceContext) => Promise<Service>;
  env?: NodeJS.ProcessEnv;
}): void {
  const env = options.env ?? process.env;
  const level = logLevelSetting().safeParse(env.LOG_LEVEL || "info").data ?? "info";
  const logger = createLogger({ service: options.name, level });
  const ending = new AbortController();
  const hasParent = process.send !== undefined;

  const started = Promise.resolve().then(() => options.start({ logger, env, signal: ending.signal }));
  const grace = closeWithGrace(
    { delay: STOP_WITHIN_MS, logger, skip: hasParent ? ["SIGINT"] : [] },
    async ({ err, signal }) => {
      if (err) logger.fatal({ err }, "unhandled error; the process ends");
      else logger.info({ signal }, "stopping");
      ending.abort();
      const service = await started.catch(() => undefined);
      await service?.stop();
      logger.info("stopped");
    },
  );
  if (hasParent) followParent(() => ending.signal.aborted || grace.close());
  started.then(announce).catch(fail);

  async function announce(service: Service): Promise<void> {
    const told = await service.ready?.();
    if (ending.signal.aborted) return;
    logger.info("ready");
    if (process.connected) process.send?.({ ready: true, ...told });
  }

  function fail(error: unknown): void {
    if (ending.signal.aborted) return;
    grace.uninstall();
    const wrong = settingsErrorOf(error);
    if (wrong) {
      process.stderr.write(
        wrong
          .lines(languageOf(env))
          .map((line) => `${options.name}: ${line}\n`)
          .join(""),
      );
      process.exit(EXIT_SETTINGS);
    }
    logger.fatal({ err: error }, "the service did not start");
    process.exit(1);
  }
}

/** A terminal's Ctrl-C reaches parent and children alike; the parent decides, and its end ends this process. */
function followParent(close: () => void): void {
  process.on("SIGINT", () => {});
  process.once("disconnect", close);
}
