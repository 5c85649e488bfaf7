/**
 * Least time between the starts of two statements: under load more calls share one, and a lone call does not wait.
 */
const APART_MS = 10;

/**
 * Collects the items that arrive while a statement runs, and passes them to the next one together.
 * @param atOnce most items of one statement.
 */
export function together<T, R>(
  write: (items: readonly T[]) => Promise<readonly R[]>,
  atOnce: number,
): (item: T) => Promise<R> {
  let waiting: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = [];
  let isWriting = false;
  let lastBegan = -Infinity;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      await apart(lastBegan);
      lastBegan = performance.now();
      const batch = waiting.slice(0, atOnce);
      waiting = waiting.slice(atOnce);
      try {
        const results = await write(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, at) => resolve(results[at]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isWriting = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isWriting) return;
      isWriting = true;
      void run();
    });
}

/**
 * Waits until the next statement may begin; at least until the events of this turn of the event loop have arrived.
 */
function apart(lastBegan: number): Promise<void> {
  const ms = lastBegan + APART_MS - performance.now();
  return new Promise((resolve) => (ms > 1 ? setTimeout(resolve, ms) : setImmediate(resolve)));
}
