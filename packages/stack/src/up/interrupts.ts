/** Requests by a person or the system to this process: to stop, and, when repeated, to stop immediately. */
export interface Interrupts {
  /** Aborted when asked to stop. */
  signal: AbortSignal;
  /** Stops listening: signals then have their default effect. */
  end(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** One Ctrl-C may arrive twice: from the terminal, and from npm, which passes it on. */
const SAME_PRESS_MS = 500;

/** @param onAgain called when asked again. */
export function listenForInterrupts(onFirst: () => void, onAgain: () => void): Interrupts {
  const asked = new AbortController();
  let firstAt = 0;
  const hear = () => {
    if (!asked.signal.aborted) {
      firstAt = Date.now();
      onFirst();
      asked.abort();
    } else if (Date.now() - firstAt > SAME_PRESS_MS) onAgain();
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return {
    signal: asked.signal,
    end() {
      for (const signal of SIGNALS) process.off(signal, hear);
    },
  };
}
