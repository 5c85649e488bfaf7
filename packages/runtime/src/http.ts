import type { Socket } from "node:net";
import fastify, { LogController } from "fastify";
import type { FastifyBaseLogger, FastifyError, FastifyInstance } from "fastify";
import { runChecks, type Checks } from "./health.js";
import type { Logger } from "./log.js";
import type { Metrics } from "./metrics.js";
import { problem, problemBody, problemOfStatus, ProblemError, type Problem } from "./problem.js";

/** What a service's HTTP server is made of. */
export interface HttpOptions {
  logger: Logger;
  metrics: Metrics;
  /** Checks by name for `/healthz/ready`. */
  ready: Checks;
  /** Largest body in bytes; 1 MiB unless told otherwise. */
  bodyLimit?: number;
  /** Most open connections; further ones are closed at once. */
  maxConnections?: number;
  /** Turns a service's own errors into problems, before the general rules. */
  mapError?: (error: unknown) => Problem | undefined;
}

const REQUEST_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 5_000;
/** How long who sent a broken request may take to read why it is refused. */
const READ_ANSWER_WITHIN_MS = 1_000;
/** Node looks for requests past their timeout this often; its default of 30 s would make the timeouts 40 s. */
const TIMEOUT_CHECK_MS = 1_000;

/**
 * Makes the HTTP server every service has: `/healthz/live`, `/healthz/ready`, `/metrics`, limits on time, size and
 * connections, all errors as problem+json. The caller adds routes, then listens.
 */
export function createHttp(options: HttpOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.logger;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // Requests are not logged one by one: a logger of its own for each would cost a tenth of it.
    childLoggerFactory: (parent) => parent,
    bodyLimit: options.bodyLimit ?? 1_048_576,
    requestTimeout: REQUEST_TIMEOUT_MS,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => {
      void problem(reply, toProblem(error));
    },
  });
  app.server.maxConnections = options.maxConnections ?? 1_024;
  handleErrors(app, options);
  measure(app, options.metrics);
  addHealth(app, options);
  return app;
}

function handleErrors(app: FastifyInstance, { mapError, logger }: HttpOptions): void {
  app.setErrorHandler((error, request, reply) => {
    const told = mapError?.(error) ?? toProblem(error);
    if (told.status >= 500 && told.code === "internal") {
      logger.error(
        { err: error, method: request.method, route: request.routeOptions.url },
        "a request failed",
      );
    }
    return problem(reply, told);
  });
  app.setNotFoundHandler((request, reply) =>
    problem(reply, problemOfStatus(404, `no ${request.method} ${request.url.split("?")[0]}`)),
  );
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
  // Its half of the connection is the client's to end, and a hostile one does not: enough of those, and nobody else comes in.
  setTimeout(() => socket.destroy(), READ_ANSWER_WITHIN_MS).unref();
}

function measure(app: FastifyInstance, metrics: Metrics): void {
  const seconds = metrics.histogram("http_request_seconds", "Time to answer a request", [
    "method",
    "route",
    "status",
  ]);
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
