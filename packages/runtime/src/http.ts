import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import fastify, { LogController } from "fastify";
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyServerFactory } from "fastify";
import { createBareServer, type BareRoute } from "./bareRoute.js";
import { runChecks, type Checks } from "./health.js";
import type { Logger } from "./log.js";
import type { Metrics } from "./metrics.js";
import { problem, problemBody, problemOfStatus, ProblemError, type Problem } from "./problem.js";

/** The parts of a service's HTTP server. */
export interface HttpOptions {
  logger: Logger;
  metrics: Metrics;
  /** Checks by name for `/healthz/ready`. */
  ready: Checks;
  /** Largest body in bytes; 1 MiB by default. */
  bodyLimit?: number;
  /** Most open connections; further ones are closed immediately. */
  maxConnections?: number;
  /** Maps a service's own errors to problems, before the general rules. */
  mapError?: (error: unknown) => Problem | undefined;
  /** The one route, if any, that Node's own server answers. */
  bare?: BareRoute;
}

const REQUEST_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 5_000;
/** How long the sender of a broken request may take to read the refusal. */
const READ_ANSWER_WITHIN_MS = 1_000;
/** How often Node checks for timed-out requests; its default of 30 s would make a timeout take up to 40 s. */
const TIMEOUT_CHECK_MS = 1_000;
/** Longer than load balancers keep theirs, so that none sends a request on a connection that we are just closing. */
const KEEP_ALIVE_MS = 72_000;
const TIMEOUTS = { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS };
const LIMITS = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS };

/**
 * Creates the HTTP server that every service has: `/healthz/live`, `/healthz/ready`, `/metrics`, limits on time, size
 * and connections, all errors as problem+json. The caller adds routes, then listens.
 */
export function createHttp(options: HttpOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.logger;
  const bodyLimit = options.bodyLimit ?? 1_048_576;
  const seconds = requestSeconds(options.metrics);
  let isClosing = false;
  const { bare } = options;
  const bareFactory =
    (route: BareRoute): FastifyServerFactory<Server> =>
    (others) =>
      createBareServer({ ...TIMEOUTS, ...LIMITS }, others, route, {
        bodyLimit,
        isClosing: () => isClosing,
        toProblem: (error) => tellError(error, options, { method: "POST", route: route.path }),
        observe: (labels, took) => seconds.observe(labels, took),
      });
  const app = fastify<Server, IncomingMessage, ServerResponse, FastifyBaseLogger>({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // Requests are not logged individually: a child logger for each would cost a tenth of the request.
    childLoggerFactory: (parent) => parent,
    bodyLimit,
    ...(bare && { serverFactory: bareFactory(bare) }),
    ...LIMITS,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    http: TIMEOUTS,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => {
      void problem(reply, toProblem(error));
    },
  });
  app.server.maxConnections = options.maxConnections ?? 1_024;
  app.addHook("preClose", async () => void (isClosing = true));
  handleErrors(app, options);
  measure(app, seconds);
  addHealth(app, options);
  return app;
}

function handleErrors(app: FastifyInstance, options: HttpOptions): void {
  app.setErrorHandler((error, request, reply) =>
    problem(reply, tellError(error, options, { method: request.method, route: request.routeOptions.url })),
  );
  app.setNotFoundHandler((request, reply) =>
    problem(reply, problemOfStatus(404, `no ${request.method} ${request.url.split("?")[0]}`)),
  );
}

/** The problem to answer for an error; our own errors are logged. */
function tellError(
  error: unknown,
  { mapError, logger }: HttpOptions,
  where: { method: string; route: string | undefined },
): Problem {
  const told = mapError?.(error) ?? toProblem(error);
  if (told.status >= 500 && told.code === "internal")
    logger.error({ err: error, ...where }, "a request failed");
  return told;
}

function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const { statusCode, message } = error as Partial<FastifyError>;
  return problemOfStatus(statusCode ?? 500, message);
}

function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const body = JSON.stringify(problemBody(problemOfStatus(status)));
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // The client must close its half of the connection, and a hostile client does not: enough of those would use up all
  // connections.
  setTimeout(() => socket.destroy(), READ_ANSWER_WITHIN_MS).unref();
}

type RequestSeconds = ReturnType<typeof requestSeconds>;

function requestSeconds(metrics: Metrics) {
  return metrics.histogram("http_request_seconds", "Time to answer a request", ["method", "route", "status"]);
}

function measure(app: FastifyInstance, seconds: RequestSeconds): void {
  app.addHook("onResponse", async (request, reply) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? "(none)",
      status: String(reply.statusCode),
    };
    seconds.observe(labels, reply.elapsedTime / 1000);
  });
}

function addHealth(app: FastifyInstance, { metrics, ready }: HttpOptions): void {
  app.get("/healthz/live", async () => ({ live: true }));
  app.get("/healthz/ready", async (_request, reply) => {
    const failing = await runChecks(ready);
    return reply.code(failing.length === 0 ? 200 : 503).send({ ready: failing.length === 0, failing });
  });
  app.get("/metrics", async (_request, reply) =>
    reply.header("content-type", metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
