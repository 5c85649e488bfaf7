import type { Logger } from "@quarterpast/runtime";
import { formatInstant, type Micros } from "@quarterpast/domain";
import { askReady } from "./health.js";
import type { ClockLine } from "./productTime.js";

/**
 * Sets the sandbox's clock together with the product's. Not needed for real time, which the sandbox has by default.
 */
export interface SandboxClock {
  /** Stops it; the sandbox stores that across a restart. */
  hold(at: Micros): Promise<void>;
  run(line: ClockLine): Promise<void>;
  /** Sends the last setting again, to a restarted sandbox. */
  repeat(): void;
}

const TRIES = 100;

/** @param url address of the sandbox. @param signal ends the retries. */
export function createSandboxClock(url: string, logger: Logger, signal: AbortSignal): SandboxClock {
  let told: Partial<ClockLine> | undefined;

  async function tell(line: Partial<ClockLine>): Promise<void> {
    told = line;
    const answer = await fetch(`${url}/sandbox/clock`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(line),
      signal: AbortSignal.timeout(5_000),
    });
    if (!answer.ok) throw new Error(`the sandbox refused the clock: ${answer.status} ${await answer.text()}`);
  }

  async function repeatWhenReady(): Promise<void> {
    for (let tried = 0; tried < TRIES && !signal.aborted; tried += 1) {
      if ((await askReady(url)) === undefined) {
        if (told) await tell(told);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  return {
    hold: (at) => tell({ start: formatInstant(at), rate: 0 }),
    run: tell,
    repeat() {
      repeatWhenReady().catch((error: unknown) => logger.error({ err: error }, "the sandbox has no clock"));
    },
  };
}
