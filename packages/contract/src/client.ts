import type { z } from "zod";
import { API } from "./api.js";
import { problem, type ProblemBody } from "./problem.js";
import {
  isFile,
  isNothing,
  isStream,
  type Answers,
  type NoBody,
  type Route,
  type StreamAnswer,
} from "./route.js";

/** Why a call returned no answer. */
export type Failure =
  /** Refused by the service with a stable code. */
  | { kind: "refused"; status: number; problem: ProblemBody }
  /** No answer, or one that broke off. */
  | { kind: "unreachable"; why: string }
  /** An answer that is not the service's: another server is at this address. */
  | { kind: "foreign"; status: number };

/** Thrown by every call that fails. */
export class ApiError extends Error {
  /** Address of the service. */
  readonly url: string;
  readonly failure: Failure;

  constructor(url: string, failure: Failure, cause?: unknown) {
    super(messageOf(url, failure), { cause });
    this.name = "ApiError";
    this.url = url;
    this.failure = failure;
  }
}

function messageOf(url: string, failure: Failure): string {
  switch (failure.kind) {
    case "refused":
      return `${failure.problem.detail ?? failure.problem.title} (${failure.problem.code})`;
    case "unreachable":
      return `${url} does not answer: ${failure.why}`;
    case "foreign":
      return `${url} answered ${failure.status} with something other than an answer of the service`;
  }
}

/** A query's or path's fields as the caller gives them: numbers and booleans are written as text. */
type Written<T> = {
  [K in keyof T]:
    T[K] | (string extends NonNullable<T[K]> ? number : never) | ("true" extends T[K] ? boolean : never);
};
/** An optional field may be given as undefined. */
type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };
type In<S> = S extends z.ZodType ? Loose<z.input<S>> : never;

type Params<R> = R extends { params: infer P } ? { params: Written<In<P>> } : unknown;
type Query<R> = R extends { query: infer Q }
  ? object extends In<Q>
    ? { query?: Written<In<Q>> }
    : { query: Written<In<Q>> }
  : unknown;
type Body<R> = R extends { body: infer B }
  ? B extends { kind: "file" }
    ? { body: Uint8Array<ArrayBuffer>; type: string }
    : undefined extends z.input<B & z.ZodType>
      ? { body?: In<B> }
      : { body: In<B> }
  : unknown;

/** What a call of a route takes. */
export type Asked<R> = Params<R> & Query<R> & Body<R>;

type OneAnswer<A> = A extends StreamAnswer
  ? AsyncIterable<Uint8Array>
  : A extends NoBody
    ? undefined
    : A extends z.ZodType
      ? z.output<A>
      : never;
/** What a call of a route returns. */
export type Answered<R> = R extends { answers: infer A } ? OneAnswer<A[keyof A]> : never;

type Call<R> =
  object extends Asked<R>
    ? (asked?: Asked<R>) => Promise<Answered<R>>
    : (asked: Asked<R>) => Promise<Answered<R>>;

/** A contract's routes as methods with typed input and answers; failures throw an {@link ApiError}. */
export type Client<C> = { readonly [K in keyof C]: Call<C[K]> };
export type ApiClient = Client<typeof API>;

/** The answer of an api route, by its name. */
export type AnswerOf<K extends keyof typeof API> = Answered<(typeof API)[K]>;
/** An item of a list of the api. */
export type ItemOf<K extends keyof typeof API> = AnswerOf<K> extends { items: (infer T)[] } ? T : never;

export interface ClientOptions {
  /** Address of the service, without a slash at its end. */
  url: string;
  key: string;
  /** Code of the account that calls are about unless they name another; needed if the key may see several. */
  account?: string | undefined;
  /** How long an answer may take; a stream has no limit. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** Creates the client of a stack's api. */
export const createApiClient = (options: ClientOptions): ApiClient => createClient(API, options);

/** Creates a client of all routes of a contract. */
export function createClient<C extends Readonly<Record<string, Route>>>(
  contract: C,
  options: ClientOptions,
): Client<C> {
  const calls = Object.entries(contract).map(([name, route]) => [
    name,
    (asked: Given = {}) => call(route, asked, options),
  ]);
  return Object.fromEntries(calls) as Client<C>;
}

interface Given {
  params?: Readonly<Record<string, string | number>>;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: unknown;
  type?: string;
}

async function call(route: Route, given: Given, options: ClientOptions) {
  const { url, key, account, timeoutMs = TIMEOUT_MS } = options;
  const asked = route.isOfAccount ? { ...given, query: { account, ...given.query } } : given;
  const isStreamed = Object.values(route.answers).some(isStream);
  let answer: Response;
  let told: string;
  try {
    answer = await fetch(url + addressOf(route, asked), {
      method: route.method,
      redirect: "error",
      ...(!isStreamed && { signal: AbortSignal.timeout(timeoutMs) }),
      ...bodyOf(route, asked, { authorization: `Bearer ${key}` }),
    });
    if (isStreamed && answer.ok && answer.body) return chunksOf(url, answer.body);
    told = await answer.text();
  } catch (error) {
    throw unreachable(url, error);
  }
  return answerOf(url, answer, told, route.answers);
}

function answerOf(url: string, { status }: Response, told: string, answers: Answers): unknown {
  const expected = answers[status];
  const json = parseJson(told);
  if (expected && isNothing(expected)) return undefined;
  if (expected && json !== undefined) return json;
  const refused = problem.safeParse(json);
  const failure: Failure = refused.success
    ? { kind: "refused", status, problem: refused.data }
    : { kind: "foreign", status };
  throw new ApiError(url, failure);
}

function bodyOf(route: Route, { body, type }: Given, headers: Record<string, string>): RequestInit {
  if (isFile(route.body))
    return { headers: { ...headers, "content-type": type! }, body: body as Uint8Array<ArrayBuffer> };
  if (route.method !== "POST") return { headers };
  return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body ?? {}) };
}

/** The path of a route with its parameters and query. */
function addressOf({ path }: Route, { params = {}, query = {} }: Given): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}

/** A stream that ends normally is complete: one that breaks off throws. */
async function* chunksOf(url: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw unreachable(url, error);
  }
}

function unreachable(url: string, error: unknown): ApiError {
  const { name, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return new ApiError(url, { kind: "unreachable", why: cause?.code ?? cause?.message ?? name }, error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Page<T> {
  items: T[];
  next: string | null;
}

/**
 * Reads a list page by page, to its end or to `most` items.
 * @param readPage fetches the page at a cursor, the first without one
 */
export async function readAll<T>(
  readPage: (cursor: string | undefined) => Promise<Page<T>>,
  most = Infinity,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await readPage(cursor);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && items.length < most);
  return items.slice(0, most);
}
