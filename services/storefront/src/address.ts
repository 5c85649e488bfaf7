import type { StorefrontWire, WireReply } from "@quarterpast/marketplace";
import type { Clock, Logger, Metrics } from "@quarterpast/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallKeeper } from "./calls/keep.js";

/** What a production address uses. */
interface AddressDeps {
  wire: StorefrontWire;
  keeper: Pick<CallKeeper, "keep">;
  clock: Pick<Clock, "real">;
  logger: Pick<Logger, "error">;
  seconds: CallSeconds;
}

type CallSeconds = ReturnType<Metrics["histogram"]>;

/** The metric of how long answers take; one for all addresses of a process. */
export function callSeconds(metrics: Metrics): CallSeconds {
  const labels = ["version", "activity", "code"];
  return metrics.histogram("storefront_call_seconds", "Time to answer a call", labels);
}

/** Adds a marketplace's production address at these paths. Each call is stored with its answer. */
export function addAddress(http: FastifyInstance, paths: readonly string[], deps: AddressDeps): void {
  const { wire, keeper, clock, logger, seconds } = deps;
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => {
      const { statusCode = 500 } = error as { statusCode?: number };
      if (statusCode >= 500) logger.error({ err: error }, "a call failed");
      return send(reply, wire.refuse(statusCode >= 500));
    });
    const take = async (request: FastifyRequest, reply: FastifyReply) => {
      const received = clock.real();
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const answer = await wire.answer({ method: request.method, query: queryOf(request.raw.url), body });
      const { version, activity, code } = answer.call;
      const durationMs = Math.round((clock.real() - received) / 1_000);
      await keeper.keep({ ...answer.call, received, durationMs, rerunOf: null });
      seconds.observe({ version, activity: activity || "(none)", code }, (clock.real() - received) / 1e6);
      return send(reply, answer.reply);
    };
    for (const path of paths) {
      for (const method of wire.methods) {
        scope.route({
          ...{ method, url: path, handler: take, exposeHeadRoute: false },
          ...(method === "POST" && { bodyLimit: wire.bodyBytesMax }),
        });
      }
    }
  });
}

function queryOf(url = ""): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at + 1);
}

/** As bytes, because Fastify would add a charset to the content type of text. */
function send(reply: FastifyReply, { status, headers, body }: WireReply): FastifyReply {
  return reply.code(status).headers(headers).send(Buffer.from(body, "utf8"));
}
