/** The api of a stack that `up` has just started, as far as the sample needs it. */
export interface Api {
  get<T>(path: string, query?: Record<string, string | number>): Promise<T>;
  post(path: string, body: object): Promise<void>;
}

const ANSWER_WITHIN_MS = 60_000;

/** @throws Error from its functions for an answer that is no success. */
export function createApi({ url, apiKey }: { url: string; apiKey: string }): Api {
  const authorization = `Bearer ${apiKey}`;
  async function call(path: string, init: RequestInit): Promise<Response> {
    const answer = await fetch(url + path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!answer.ok) throw new Error(`the api answers ${answer.status} to ${path}: ${await answer.text()}`);
    return answer;
  }
  return {
    async get<T>(path: string, query: Record<string, string | number> = {}) {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) params.set(name, String(value));
      const answer = await call(`${path}?${params.toString()}`, {
        headers: { authorization },
      });
      return (await answer.json()) as T;
    },
    async post(path, body) {
      const headers = { authorization, "content-type": "application/json" };
      await call(path, { method: "POST", headers, body: JSON.stringify(body) });
    },
  };
}
