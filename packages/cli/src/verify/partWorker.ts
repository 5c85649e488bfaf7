import { parentPort, workerData } from "node:worker_threads";
import type { HourVerdict } from "@quarterpast/domain";
import { ApiError } from "@quarterpast/contract";
import { CliError } from "../exit.js";
import { cliErrorOf } from "../failure.js";
import { verifyHours, type HoursJob } from "./hours.js";
import type { PartAnswer } from "./parts.js";

/** A thread that verifies one part. */
async function work(job: HoursJob): Promise<PartAnswer> {
  try {
    const verdicts: HourVerdict[] = [];
    for await (const verdict of verifyHours(job)) verdicts.push(verdict);
    return { verdicts };
  } catch (thrown) {
    const error = thrown instanceof ApiError ? cliErrorOf(thrown) : thrown;
    if (error instanceof CliError) return { exit: error.exitCode, text: error.text };
    return { error: (error as Error).stack ?? String(error) };
  }
}

parentPort!.postMessage(await work(workerData as HoursJob));
