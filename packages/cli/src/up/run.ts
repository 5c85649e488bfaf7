import { rmSync } from "node:fs";
import { CliError, EXIT, type ExitCode } from "../exit.js";
import type { Text } from "../lang.js";
import { note } from "../output.js";
import { listenForInterrupts } from "./interrupts.js";
import { readOptions, type UpFlags, type UpOptions } from "./options.js";
import { announce, readyText } from "./ready.js";
import { prepareSample, type Sample } from "./sample/sample.js";
import { summaryText } from "./sample/summary.js";
import { checkSecrets, readUpSettings } from "./settings.js";
import { startStack, type HeldStack } from "./stack.js";
import { withExitCode } from "./stackErrors.js";
import type { Supervised } from "./supervisor.js";
import { createUndo } from "./undo.js";

/**
 * Runs `quarterpast up` to its end.
 * @returns 0 when it was stopped or its sample came out right, 1 where the sample did not.
 * @throws CliError
 */
export async function runUp(flags: UpFlags, env: NodeJS.ProcessEnv): Promise<ExitCode> {
  const settings = readUpSettings(env);
  const options = readOptions({ ...flags, marketplaceKey: flags.marketplaceKey ?? settings.MARKETPLACE_KEY });
  const { marketplaceUrl, marketplaceKey: MARKETPLACE_KEY } = options;
  if (marketplaceUrl !== undefined)
    checkSecrets(settings.account, { ...env, MARKETPLACE_KEY, MARKETPLACE_KEY_FILE: undefined });
  const parts: Supervised[] = [];
  const interrupts = listenForInterrupts(
    () => note(STOPPING),
    () => killAll(parts),
  );
  const { signal } = interrupts;
  try {
    const stack = await startStack({
      options,
      settings,
      env,
      tell: note,
      signal,
      onPart: (part) => parts.push(part),
    });
    return await runStack(stack, options, signal);
  } catch (error) {
    if (signal.aborted && !(error instanceof CliError))
      throw new CliError(EXIT.interrupted, STOPPED_EARLY, error);
    throw withExitCode(error);
  } finally {
    interrupts.end();
  }
}

async function runStack(stack: HeldStack, options: UpOptions, signal: AbortSignal): Promise<ExitCode> {
  const undo = createUndo();
  undo.add(() => stack.stop());
  undo.add(() => rmSync(stack.places.stack, { force: true }));
  try {
    const sample = options.sample ? await prepareSample(stack, note) : undefined;
    const clock = await stack.run();
    announce(stack.facts, clock, stack.places);
    note(readyText(stack.facts, stack.time, stack.places));
    if (sample) undo.add(() => sample.stop());
    sample?.start();
    return sample && options.once ? await runOnce(sample, signal) : await untilAborted(signal);
  } finally {
    await undo.run();
    note(STOPPED);
  }
}

async function runOnce(sample: Sample, signal: AbortSignal): Promise<ExitCode> {
  const outcome = await sample.runOut(signal);
  if (!outcome) return EXIT.interrupted;
  note(summaryText(outcome));
  return outcome.mismatches.length === 0 && outcome.rejected === 0 ? EXIT.ok : EXIT.failed;
}

function untilAborted(signal: AbortSignal): Promise<ExitCode> {
  return new Promise((resolve) => {
    // A pending promise alone does not keep a process alive.
    const hold = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(hold);
      resolve(EXIT.ok);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

function killAll(parts: readonly Supervised[]): never {
  note(FORCED);
  for (const part of parts) part.kill();
  process.exit(EXIT.interrupted);
}

const STOPPING: Text = {
  en: "stopping everything (Ctrl-C again ends it at once)",
  zh: "正在停止全部进程（再按一次 Ctrl-C 立即结束）",
};
const STOPPED: Text = {
  en: "stopped; the next start goes on with the same data",
  zh: "已停止；下次启动继续使用同一数据",
};
const STOPPED_EARLY: Text = { en: "stopped before it was ready", zh: "尚未就绪即已停止" };
const FORCED: Text = { en: "ended at once", zh: "已立即结束" };
