import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { problemAnswer, ProblemError, problemOfStatus, type Problem } from "./problem.js";

// Ours, not the framework's: hooks, logger and reply of Fastify are a large part of a request of one event. `npm run bench`
// has a row of each with no work behind it (`httpCeiling`, `fastifyCeiling`); if they come together, this file goes.

/** A POST that Node's own server answers, because requests are small and many. */
export interface BareRoute<Admitted = unknown> {
  path: string;
  /** Checks the head before the body is read. Its result is passed to `answer`. @throws ProblemError */
  admit(request: IncomingMessage, response: ServerResponse): Admitted;
  /** @throws ProblemError */
  answer(admitted: Admitted, body: Buffer): Promise<{ status: number; body: object }>;
}

export interface BareServing {
  bodyLimit: number;
  isClosing: () => boolean;
  /** The problem to answer for an error; logs our own errors. */
  toProblem: (error: unknown) => Problem;
  observe: (labels: { method: string; route: string; status: string }, seconds: number) => void;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Creates a server that answers the bare route itself and passes everything else to `others`. */
export function createBareServer(
  options: ServerOptions,
  others: Listener,
  route: BareRoute,
  serving: BareServing,
): Server {
  const serve = serveBare(route, serving);
  return createServer(options, (request, response) => {
    if (request.method === "POST" && isPath(request.url, route.path)) serve(request, response);
    else others(request, response);
  });
}

function isPath(url: string | undefined, path: string): boolean {
  return url === path || (url?.startsWith(path) === true && url[path.length] === "?");
}

function serveBare(route: BareRoute, { bodyLimit, isClosing, toProblem, observe }: BareServing): Listener {
  function send(
    response: ServerResponse,
    status: number,
    headers: Record<string, string | number>,
    text: string,
  ): void {
    if (response.headersSent || response.destroyed) return;
    if (isClosing()) response.setHeader("connection", "close");
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
    response.end(text);
  }

  function refuse(response: ServerResponse, error: unknown): void {
    const told = toProblem(error);
    const { headers, text } = problemAnswer(told);
    send(response, told.status, headers, text);
  }

  return (request, response) => {
    const started = performance.now();
    response.once("close", () => {
      const labels = { method: "POST", route: route.path, status: String(response.statusCode) };
      observe(labels, (performance.now() - started) / 1_000);
    });
    let admitted: unknown;
    try {
      admitted = route.admit(request, response);
    } catch (error) {
      refuse(response, error);
      return;
    }
    readBody(request, bodyLimit, (body) => {
      if (!body) {
        // Does not wait for the rest of such a body.
        response.setHeader("connection", "close");
        return refuse(response, new ProblemError(problemOfStatus(413, `more than ${bodyLimit} bytes`)));
      }
      route.answer(admitted, body).then(
        (answer) => send(response, answer.status, JSON_TYPE, JSON.stringify(answer.body)),
        (error: unknown) => refuse(response, error),
      );
    });
  };
}

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" } as const;

/**
 * Passes on the whole body, or undefined if it is too large; does nothing if the client disconnects before the end.
 */
function readBody(request: IncomingMessage, limit: number, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= limit) return void chunks.push(chunk);
    request.off("data", onData).off("end", onEnd).resume();
    done(undefined);
  };
  const onEnd = (): void => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
  request.on("data", onData).on("end", onEnd);
}
