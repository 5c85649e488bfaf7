import { rmSync } from "node:fs";
import { StackError } from "../errors.js";
import type { Text } from "@quarterpast/runtime";
import { prepareSample, type FinalComparison, type Sample } from "../sample/sample.js";
import { listenForInterrupts } from "./interrupts.js";
import { readOptions, type UpFlags, type UpOptions } from "./options.js";
import { announce, readyText } from "./ready.js";
import { checkSecrets, readUpSettings } from "./settings.js";
import { startStack, type HeldStack } from "./stack.js";
import type { Supervised } from "./supervisor.js";
import { createUndo } from "./undo.js";

/** How a stack ended: stopped by a person, or by its sample's end, with the right result or not. */
export type UpOutcome = "stopped" | "sample_right" | "sample_wrong" | "interrupted";

/** Callbacks of a running stack. */
export interface UpListener {
  /** Called with messages for a person. */
  tell: (text: Text) => void;
  /** Called with both sides of a sample that ran to its end. */
  compared: (outcome: FinalComparison) => void;
}

/** Exit code of a process that a second Ctrl-C ends. */
const INTERRUPTED = 130;

/**
 * Runs a whole stack on this machine to its end: the work of `quarterpast up`.
 * @throws StackError
 */
export async function runUp(
  flags: UpFlags,
  env: NodeJS.ProcessEnv,
  listener: UpListener,
): Promise<UpOutcome> {
  const settings = readUpSettings(env);
  const key = flags.marketplaceKey ?? (settings.isFiled ? undefined : settings.MARKETPLACE_KEY);
  const options = readOptions({ ...flags, ...(key !== undefined && { marketplaceKey: key }) }, settings);
  const { marketplaceUrl, marketplaceKey: MARKETPLACE_KEY } = options;
  if (settings.isFiled || marketplaceUrl !== undefined)
    checkSecrets(settings, { ...env, MARKETPLACE_KEY, MARKETPLACE_KEY_FILE: undefined });
  const { tell } = listener;
  const parts: Supervised[] = [];
  const interrupts = listenForInterrupts(
    () => tell(STOPPING),
    () => killAll(parts, tell),
  );
  const { signal } = interrupts;
  try {
    const stack = await startStack({
      options,
      settings,
      env,
      tell,
      signal,
      onPart: (part) => parts.push(part),
    });
    return await runStack(stack, options, signal, listener);
  } catch (error) {
    if (signal.aborted && !(error instanceof StackError))
      throw new StackError("interrupted", STOPPED_EARLY, error);
    throw error;
  } finally {
    interrupts.end();
  }
}

async function runStack(
  stack: HeldStack,
  options: UpOptions,
  signal: AbortSignal,
  listener: UpListener,
): Promise<UpOutcome> {
  const { tell } = listener;
  const undo = createUndo();
  undo.add(() => stack.stop());
  undo.add(() => rmSync(stack.places.stack, { force: true }));
  try {
    const sample = options.sample ? await prepareSample(stack, tell) : undefined;
    const clock = await stack.run();
    announce(stack.facts, clock, stack.places);
    tell(readyText(stack.facts, stack.time, stack.places));
    if (sample) undo.add(() => sample.stop());
    sample?.start();
    return sample && options.once ? await runOnce(sample, signal, listener) : await untilAborted(signal);
  } finally {
    await undo.run();
    tell(STOPPED);
  }
}

async function runOnce(sample: Sample, signal: AbortSignal, listener: UpListener): Promise<UpOutcome> {
  const outcome = await sample.runOut(signal);
  if (!outcome) return "interrupted";
  listener.compared(outcome);
  return outcome.mismatches.length === 0 && outcome.rejected === 0 ? "sample_right" : "sample_wrong";
}

async function untilAborted(signal: AbortSignal): Promise<UpOutcome> {
  await new Promise<void>((resolve) => {
    // A pending promise by itself does not keep a process alive.
    const hold = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(hold);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  return "stopped";
}

function killAll(parts: readonly Supervised[], tell: (text: Text) => void): never {
  tell(FORCED);
  for (const part of parts) part.kill();
  process.exit(INTERRUPTED);
}

const STOPPING: Text = {
  en: "stopping everything (Ctrl-C again ends it at once)",
  zh: "正在停止全部进程（再按一次 Ctrl-C 立即结束）",
};
const STOPPED: Text = {
  en: "stopped; the next start continues with the same data",
  zh: "已停止；下次启动继续使用同一数据",
};
const STOPPED_EARLY: Text = { en: "stopped before it was ready", zh: "尚未就绪即已停止" };
const FORCED: Text = { en: "ended at once", zh: "已立即结束" };
