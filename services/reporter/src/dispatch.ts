import { type Clock, createLoop, idleRest, type Loop } from "@quarterpast/runtime";
import { readNextDue, type NextDue } from "@quarterpast/store";
import { submitNext, type SubmitDeps } from "./submit.js";

/** Files the calls of one account. */
export interface Dispatcher extends Pick<Loop, "start" | "wake" | "msSinceSuccess"> {
  /** When the oldest call that is under way was begun, monotonic ms; `Infinity` if none is. */
  oldestCall(): number;
  /** Ends when all calls under way have. */
  stop(): Promise<void>;
}

export interface DispatchDeps extends SubmitDeps {
  name: string;
  everyMs: number;
  /** The longest rest between looks: what another process made due waits no longer. */
  idleMs: number;
  /** Calls that may be under way at once. */
  inFlight: number;
  onPass: () => void;
  /** Called once nothing is left to be sent for now, after something was. */
  onQuiet: () => void;
}

/**
 * Looks when the account's next call is due, and sends what is. Each call that is claimed begins the look for the next one,
 * so that as many are under way as the marketplace takes, and only one looks while there is nothing.
 */
export function createDispatcher(deps: DispatchDeps): Dispatcher {
  const { pool, clock, account, inFlight } = deps;
  const calls = new Map<Promise<void>, number>();
  let next: NextDue = { at: null, expires: null };
  let isEnding = false;
  let isQuiet = true;
  let failure: { error: unknown } | undefined;

  function begin(): void {
    if (isEnding || calls.size >= inFlight) return;
    const call = submitAll(() => calls.set(call, performance.now()))
      .catch((error: unknown) => {
        failure = { error };
        return true;
      })
      .then((hasChanged) => {
        calls.delete(call);
        // Not if it found nothing that it may send, because it would then be begun again at once.
        if (hasChanged) loop.wake();
      });
    calls.set(call, performance.now());
  }

  /** Sends what is due, one call after the other; gives whether there was any. */
  async function submitAll(onSent: () => void): Promise<boolean> {
    let hasSent = false;
    while (!isEnding && (await submitNext(deps, begin))) {
      hasSent = true;
      onSent();
    }
    return hasSent;
  }

  async function look(): Promise<void> {
    deps.onPass();
    if (failure) {
      const { error } = failure;
      failure = undefined;
      throw error;
    }
    if (calls.size >= inFlight) return;
    next = await readNextDue(pool, account.accountNo, clock.real());
    if (msUntil(next, clock) <= 0) {
      isQuiet = false;
      begin();
    } else if (calls.size === 0 && !isQuiet) {
      isQuiet = true;
      deps.onQuiet();
    }
  }

  const idle = idleRest(clock, deps.idleMs);
  const loop = createLoop({
    ...{ name: deps.name, everyMs: deps.everyMs, logger: deps.logger },
    idleMs: () => Math.min(idle(), msUntil(next, clock)),
    run: look,
  });
  return {
    start: () => loop.start(),
    wake() {
      isQuiet = false;
      loop.wake();
    },
    msSinceSuccess: () => loop.msSinceSuccess(),
    oldestCall: () => Math.min(...calls.values()),
    async stop() {
      isEnding = true;
      await loop.stop();
      await Promise.all(calls.keys());
    },
  };
}

/** Real ms until then; 0 or less if it is due. Product time counts as real time: by a faster clock the loop does not rest. */
function msUntil({ at, expires }: NextDue, clock: Pick<Clock, "now" | "real">): number {
  const left = Math.min((at ?? Infinity) - clock.real(), (expires ?? Infinity) - clock.now());
  return Math.ceil(left / 1_000);
}
