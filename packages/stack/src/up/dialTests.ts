import { createLoop, type Logger } from "@quarterpast/runtime";
import type { CaseResult, SelfTest } from "@quarterpast/marketplace";

const POLL_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;

/** What the dial tests play, and against which sandbox. */
export interface DialTests {
  sandboxUrl: string;
  selfTest: SelfTest;
  key: string;
}

/**
 * Runs the debugging cases whenever the sandbox says that they are due, against the seller's address it names, and
 * reports the results to it: the marketplace's dial tests (koogallery.md 3.8). @returns the function that stops it.
 */
export function startDialTests(tests: DialTests, logger: Logger): () => Promise<void> {
  const run = async (signal: AbortSignal) => void (await dial(tests, signal));
  const loop = createLoop({ name: "dial-tests", everyMs: POLL_MS, run, logger });
  loop.start();
  return () => loop.stop();
}

/** Runs the cases that are due, if any. @param signal ends it. @returns their results, undefined if none were due. */
export async function dial(
  { sandboxUrl, selfTest, key }: DialTests,
  signal?: AbortSignal,
): Promise<CaseResult[] | undefined> {
  const address = new URL("/sandbox/dial-tests", sandboxUrl);
  const asked = await fetch(address, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  // A sandbox without a seller's address has no dial tests.
  if (!asked.ok) return undefined;
  const { seller: url, due: slot } = (await asked.json()) as { seller: string; due: string | null };
  if (slot === null) return undefined;
  const results = await selfTest.run({ url, key }, {}, signal);
  const told = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ slot, results }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!told.ok) throw new Error(`the sandbox refused a run: ${told.status} ${await told.text()}`);
  return results;
}
