import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HourVerdict } from "@quarterpast/domain";
import { CliError, type ExitCode } from "../exit.js";
import type { Text } from "../lang.js";
import { verifyHours, type HoursJob } from "./hours.js";

/** A worker thread's answer. */
export type PartAnswer = { verdicts: HourVerdict[] } | { exit: ExitCode; text: Text } | { error: string };

/** A thread takes longer to start than to verify fewer hours. */
const HOURS_PER_PART = 4;

/** Verifies hours on as many threads as there are cores; the verdicts come in the order of the hours. */
export async function* verifyInParts(
  job: HoursJob,
  threads = availableParallelism(),
): AsyncGenerator<HourVerdict> {
  const parts = splitJob(job, Math.min(threads, Math.floor(job.manifests.length / HOURS_PER_PART)));
  if (parts.length === 1) return yield* verifyHours(job);
  const running = parts.map(runPart);
  // The first failure is reported; the results of the others are not needed any longer.
  const answers = await Promise.all(running);
  for (const [at, verdicts] of answers.entries()) yield* at === 0 ? verdicts : verdicts.slice(1);
}

/**
 * Contiguous parts of about equal length. Each begins with the last hour of the previous part, which yields the heads
 * that its own first hour continues.
 */
export function splitJob(job: HoursJob, count: number): HoursJob[] {
  if (count < 2) return [job];
  const { manifests, before } = job;
  return Array.from({ length: count }, (_, part) => {
    const from = Math.floor((manifests.length * part) / count);
    const to = Math.floor((manifests.length * (part + 1)) / count);
    const first = Math.max(0, from - 1);
    return {
      ...job,
      before: first === 0 ? before : manifests[first - 1],
      manifests: manifests.slice(first, to),
    };
  });
}

async function runPart(job: HoursJob): Promise<HourVerdict[]> {
  const worker = new Worker(new URL("partWorker.js", import.meta.url), { workerData: job });
  try {
    const answer = await new Promise<PartAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if ("verdicts" in answer) return answer.verdicts;
    if ("exit" in answer) throw new CliError(answer.exit, answer.text);
    throw new Error(answer.error);
  } finally {
    await worker.terminate();
  }
}
