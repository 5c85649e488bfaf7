import { sleepReal, type Logger } from "@quarterpast/runtime";
import { checkSchema, requireSchema, type Pool } from "@quarterpast/store";

const TRY_EVERY_MS = 500;
const BRIEFLY_EVERY_MS = 10;

/**
 * Resolves when Postgres answers and has the schema of this version; waits for both without a limit.
 * @throws Error if the schema is newer, or the signal ended the wait.
 */
export async function waitForSchema(pool: Pool, logger: Logger, signal: AbortSignal): Promise<void> {
  for (let told = ""; ;) {
    const reason = await schemaProblem(pool);
    if (reason === undefined) return;
    if (reason !== told) logger.warn({ reason }, "waiting for Postgres");
    told = reason;
    if (!(await sleepReal(TRY_EVERY_MS, signal))) throw new Error("stopped before Postgres was available");
  }
}

async function schemaProblem(pool: Pool): Promise<string | undefined> {
  const state = await checkSchema(pool).catch((error: Error) => error);
  if (state instanceof Error) return state.message || "Postgres does not answer";
  if (state.ok) return undefined;
  if (state.problem === "newer") await requireSchema(pool);
  return `the schema lacks ${state.names.join(", ")}: run the migrations`;
}

/** Waits until the condition holds, but not for long. */
export async function waitBriefly(holds: () => boolean, withinMs: number): Promise<void> {
  for (const until = performance.now() + withinMs; !holds() && performance.now() < until;) {
    await sleepReal(BRIEFLY_EVERY_MS);
  }
}

/** Repeats one step of a start until it succeeds. @throws Error if the signal ended the wait. */
export async function untilDone(
  step: string,
  work: () => Promise<void>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      logger.warn({ err: error, step }, "a startup step failed; it is tried again");
    }
    if (!(await sleepReal(TRY_EVERY_MS, signal))) throw new Error(`stopped before it could ${step}`);
  }
}
