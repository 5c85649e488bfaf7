import {
  field,
  isFile,
  isNothing,
  isStream,
  isTyped,
  wrongsOf,
  type Answers,
  type Route,
} from "@quarterpast/contract";
import type { KeyRole, Text } from "@quarterpast/domain";
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RouteHandlerMethod,
  RouteOptions,
} from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { Readable } from "node:stream";
import { z } from "zod";
import { refusal } from "./refuse.js";
import { accountOf, accountsOf } from "./visible.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Roles of the keys that may call it. */
    roles?: readonly KeyRole[];
  }
}

/** A server with the contract's routes, for the handlers of one of its accounts; see {@link serve}. */
export interface Routes {
  app: FastifyInstance;
  /** The account's code. */
  account: string;
  /** Of every route so far, what each account has for it: a handler, or its part of a merged answer. */
  handlers: Map<Route, Map<string, unknown>>;
}

/**
 * Checks requests against the contract and writes answers by it: an answer that it does not describe is an error of
 * ours.
 */
export function speakContract(app: FastifyInstance): FastifyInstance {
  app.setValidatorCompiler<z.ZodType>(({ schema }) => (given: unknown) => {
    // Fastify passes null if there is no body.
    const data = given ?? undefined;
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: invalid(schema, result.error, data) };
  });
  app.setSerializerCompiler(serializerCompiler);
  return app;
}

/** Every wrong field at once, each with its value and what would be right. */
function invalid(schema: z.ZodType, error: z.ZodError, data: unknown) {
  const wrongs = wrongsOf(schema, error, data);
  const detail = {
    en: wrongs.map((wrong) => wrong.detail.en).join("; "),
    zh: wrongs.map((wrong) => wrong.detail.zh).join("；"),
  };
  const fields = wrongs.map(({ field, detail: text }) => ({ field, detail: text.en }));
  return refusal("field_invalid", detail, { field: wrongs[0].field, fields });
}

type Out<S> = S extends z.ZodType ? z.output<S> : unknown;
type PayloadOf<A> = A extends z.ZodType ? z.input<A> : A extends { kind: "nothing" } ? undefined : Readable;
type Payloads<R extends Route> = { [S in keyof R["answers"]]: PayloadOf<R["answers"][S]> };

interface Generic<R extends Route> {
  Params: Out<R["params"]>;
  Querystring: Out<R["query"]>;
  Body: R["body"] extends { kind: "file" } ? Buffer : Out<R["body"]>;
  Reply: Payloads<R>;
}

/** Answers a request with the route's body, or by `reply.code(…).send(…)` if it has several. */
export type Handler<R extends Route> = (
  request: FastifyRequest<Generic<R>>,
  reply: FastifyReply<Generic<R>>,
) => Promise<Payloads<R>[keyof Payloads<R>] | FastifyReply>;

/**
 * Serves a route of the contract, which defines its path, roles, input and answers. Called once for each account: a
 * request goes to the handler of the account it is about; if it is about the seller, to the first account's.
 */
export function serve<R extends Route>(routes: Routes, route: R, handler: Handler<R>): void {
  const ofAccounts = keepOwn(routes, route, handler as unknown as RouteHandlerMethod);
  if (!ofAccounts) return;
  addRoute(routes.app, route, function (request, reply) {
    const codes = [...ofAccounts.keys()];
    const code = route.isOfAccount ? accountOf(request.apiKey, namedIn(request), codes) : codes[0]!;
    return ofAccounts.get(code)!.call(this, request, reply);
  });
}

/** What one account has for a merged answer. */
export interface OwnPart<L> {
  account: string;
  own: L;
}

/** Answers a request over several accounts from what each of them has. */
export type MergingHandler<R extends Route, L> = (
  parts: readonly [OwnPart<L>, ...OwnPart<L>[]],
  request: FastifyRequest<Generic<R>>,
  reply: FastifyReply<Generic<R>>,
) => ReturnType<Handler<R>>;

/**
 * Serves a route that shows all accounts that the key may see, unless it names one. Said once for each account, with what
 * that account has for the answer; the first one's `answer` is asked.
 */
export function serveMerged<R extends Route & { merges: true }, L>(
  routes: Routes,
  route: R,
  own: L,
  answer: MergingHandler<R, L>,
): void {
  const ofAccounts = keepOwn(routes, route, own);
  if (!ofAccounts) return;
  addRoute(routes.app, route, (request, reply) => {
    const codes = accountsOf(request.apiKey, namedIn(request), [...ofAccounts.keys()]);
    const parts = codes.map((account) => ({ account, own: ofAccounts.get(account)! }));
    return answer(
      parts as [OwnPart<L>, ...OwnPart<L>[]],
      request as FastifyRequest<Generic<R>>,
      reply as FastifyReply<Generic<R>>,
    );
  });
}

/** Keeps what an account has for a route. @returns that of all accounts, for the first; undefined for those after it */
function keepOwn<T>({ account, handlers }: Routes, route: Route, own: T): ReadonlyMap<string, T> | undefined {
  const known = handlers.get(route);
  if (known) {
    known.set(account, own);
    return undefined;
  }
  const first = new Map([[account, own]]);
  handlers.set(route, first);
  return first;
}

const namedIn = ({ query }: { query: unknown }) => (query as { account?: string } | undefined)?.account;

function addRoute(app: FastifyInstance, route: Route, handler: RouteHandlerMethod): void {
  const { body } = route;
  if (isTyped(body)) throw new Error(`${route.path}: a body of several types is read by its own server`);
  if (!isFile(body)) return void app.route(optionsOf(route, body, handler));
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([...body.types], { parseAs: "buffer" }, (_request, file, done) =>
      done(null, file),
    );
    scope.route({ ...optionsOf(route, fileSchema(body.right), handler), bodyLimit: body.mostBytes });
  });
}

function optionsOf(
  { method, path, roles, params, query, answers }: Route,
  body: z.ZodType | undefined,
  handler: RouteHandlerMethod,
): RouteOptions {
  const response = responsesOf(answers);
  const schema: FastifySchema = {
    ...(params && { params }),
    ...(query && { querystring: query }),
    ...(body && { body }),
    ...(Object.keys(response).length > 0 && { response }),
  };
  return { method, url: path, schema, config: { roles }, handler };
}

/** Streams are written as they are read, without a serializer. */
function responsesOf(answers: Answers): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(answers).flatMap(([status, answer]) =>
      isStream(answer) || isNothing(answer) ? [] : [[status, answer] as const],
    ),
  );
}

const fileSchema = (right: Text) =>
  field(
    { title: { en: "File", zh: "文件" }, right },
    z.instanceof(Buffer).refine((bytes) => bytes.length > 0),
  );
