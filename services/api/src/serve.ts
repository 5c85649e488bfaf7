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
import { accountOf } from "./visible.js";

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
  /** Each account's handler of every route so far. */
  handlers: Map<Route, Map<string, RouteHandlerMethod>>;
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
  const { app, account, handlers } = routes;
  const known = handlers.get(route);
  if (known) return void known.set(account, handler as unknown as RouteHandlerMethod);
  const mine = new Map([[account, handler as unknown as RouteHandlerMethod]]);
  handlers.set(route, mine);
  const dispatch: RouteHandlerMethod = function (request, reply) {
    const codes = [...mine.keys()];
    const named = (request.query as { account?: string } | undefined)?.account;
    const code = route.isOfAccount ? accountOf(request.apiKey, named, codes) : codes[0]!;
    return mine.get(code)!.call(this, request, reply);
  };
  addRoute(app, route, dispatch);
}

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
