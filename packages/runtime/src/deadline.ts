/**
 * The result of `work` if it ends within `ms` of real time, else what `late` returns or throws. The work itself
 * continues; its later result, a rejection included, is ignored.
 */
export async function within<T, L = T>(ms: number, work: Promise<T>, late: () => L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    return await Promise.race([work, deadline.then(late)]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

/** For `within`: throws an error that says how long there was no answer. @param who such as `Redis: ` */
export function noAnswer(ms: number, who = ""): () => never {
  return () => {
    throw new Error(`${who}no answer within ${ms} ms`);
  };
}
