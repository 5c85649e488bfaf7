/** What a person or the system asks of this process: to stop, and, asked again, to stop at once. */
export interface Interrupts {
  /** Aborted when asked to stop. */
  signal: AbortSignal;
  /** Ends listening: signals then do what they do by default. */
  end(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** One Ctrl-C may come twice: from the terminal, and from npm, which passes it on. */
const SAME_PRESS_MS = 500;

/** @param onAgain what to do when asked again. */
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
