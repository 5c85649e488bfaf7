import { noAnswer, within } from "./deadline.js";

/** A readiness check: returns undefined if all is well, else what is wrong; throwing means the same. */
export type Check = () => string | undefined | Promise<string | undefined>;

/** Checks by name. */
export type Checks = Record<string, Check>;

/** A check that failed and why. */
export interface FailingCheck {
  check: string;
  detail: string;
}

const CHECK_TIMEOUT_MS = 2_000;

/** Runs all checks concurrently; one that does not answer within 2 s has failed. */
export async function runChecks(checks: Checks): Promise<FailingCheck[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([check, run]) => ({ check, detail: await runOne(run) })),
  );
  return results.filter((result): result is FailingCheck => result.detail !== undefined);
}

async function runOne(run: Check): Promise<string | undefined> {
  try {
    return await within(CHECK_TIMEOUT_MS, Promise.resolve().then(run), noAnswer(CHECK_TIMEOUT_MS));
  } catch (error) {
    return error instanceof Error && error.message ? error.message : String(error);
  }
}
