import { CliError, EXIT } from "./exit.js";
import type { Stack } from "@quarterpast/stack/find";

/** A page of a list as the api answers it. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Query = Record<string, string | number | undefined>;

/**
 * The api of a running stack. Every call gives the answer's JSON (undefined for 204) or throws a CliError: 5 refused,
 * with the api's detail; 4 not reachable; 1 an answer that is no answer of the api.
 */
export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  /** Reads a list to its end, or to `limit` items. */
  list<T>(path: string, query?: Query, limit?: number): Promise<T[]>;
  post<T>(path: string, body?: unknown): Promise<T>;
  /** Posts a file as it is. */
  postFile<T>(
    path: string,
    contents: Uint8Array<ArrayBuffer>,
    contentType: string,
    query?: Query,
  ): Promise<T>;
  delete(path: string): Promise<void>;
}

const TIMEOUT_MS = 60_000;

/** Makes the client of a stack's api. */
export function createApi({ apiUrl, apiKey }: Pick<Stack, "apiUrl" | "apiKey">): Api {
  const call = async (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    contentType?: string,
  ): Promise<unknown> => {
    const headers: Record<string, string> = { authorization: `Bearer ${apiKey}` };
    if (contentType !== undefined) headers["content-type"] = contentType;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(apiUrl + path, {
        method,
        headers,
        signal,
        redirect: "error",
        ...(body !== undefined && { body }),
      });
      text = await answer.text();
    } catch (error) {
      throw unreachable(apiUrl, error);
    }
    const json = text === "" ? undefined : parseJson(text);
    if (answer.ok && (text === "" || json !== undefined)) return json;
    throw refusal(apiUrl, answer.status, json);
  };

  const get = async <T>(path: string, query: Query = {}) => (await call("GET", path + search(query))) as T;

  return {
    get,
    async list<T>(path: string, query: Query = {}, limit = Infinity) {
      const items: T[] = [];
      let cursor: string | null | undefined;
      do {
        const page: Page<T> = await get(path, { ...query, cursor: cursor ?? undefined });
        items.push(...page.items);
        cursor = page.next;
      } while (cursor && items.length < limit);
      return items.slice(0, limit);
    },
    post: async <T>(path: string, body: unknown = {}) =>
      (await call("POST", path, JSON.stringify(body), "application/json")) as T,
    postFile: async <T>(
      path: string,
      contents: Uint8Array<ArrayBuffer>,
      contentType: string,
      query: Query = {},
    ) => (await call("POST", path + search(query), contents, contentType)) as T,
    async delete(path) {
      await call("DELETE", path);
    },
  };
}

/** A query as it follows the path. */
export function search(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
  return params.size === 0 ? "" : `?${params.toString()}`;
}

/** Undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A problem as the api tells it: English in the body, Chinese beside it. */
interface Told {
  code: string;
  title: string;
  detail?: string;
  zh?: { title?: string; detail?: string };
}

function isTold(json: unknown): json is Told {
  return typeof json === "object" && json !== null && typeof (json as Partial<Told>).code === "string";
}

/** What an answer that is no success ends the command with. */
export function refusal(apiUrl: string, status: number, json: unknown): CliError {
  if (!isTold(json)) {
    return new CliError(EXIT.failed, {
      en: `${apiUrl} answered ${status} with something that is no answer of the api: check the address`,
      zh: `${apiUrl} 返回 ${status}，内容不是 api 的应答：请检查地址`,
    });
  }
  const { code, title, detail, zh = {} } = json;
  return new CliError(status >= 500 ? EXIT.noStack : EXIT.refused, {
    en: `${detail ?? title} (${code})`,
    zh: `${zh.detail ?? zh.title ?? detail ?? title}（${code}）`,
  });
}

/** What no answer ends the command with. */
export function unreachable(apiUrl: string, error: unknown): CliError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const why = cause?.code ?? cause?.message ?? (error as Error).name;
  return new CliError(
    EXIT.noStack,
    {
      en: `the api at ${apiUrl} does not answer (${why}): is the stack running? start it with "quarterpast up"`,
      zh: `${apiUrl} 的 api 没有应答（${why}）：系统是否在运行？请用 "quarterpast up" 启动`,
    },
    error,
  );
}
