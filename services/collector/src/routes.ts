import type { FastifyInstance } from "fastify";
import type { Admission } from "./admission.js";
import type { Keyring } from "./auth.js";
import { bodyKind } from "./body.js";
import type { Intake } from "./intake.js";
import { refusal } from "./problems.js";

export interface RouteDeps {
  keyring: Keyring;
  admission: Admission;
  /** Undefined until the collector can take events. */
  intake: () => Intake | undefined;
}

const PATH = "/v1/events";

/** Adds `POST /v1/events`. Key, size and content type are checked before the body is read. */
export function addRoutes(app: FastifyInstance, { keyring, admission, intake }: RouteDeps): void {
  const accounts = new WeakMap<object, number>();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.post(
    PATH,
    {
      onRequest: async (request, reply) => {
        const { headers } = request;
        accounts.set(request, keyring.authorize(headers.authorization));
        bodyKind(headers["content-type"], headers["content-encoding"]);
        if (!intake()) throw refusal("unavailable", "the collector is starting");
        admission.admit(headers["content-length"], reply.raw);
      },
    },
    async (request, reply) => {
      const taking = intake();
      if (!taking) throw refusal("unavailable", "the collector is stopping");
      const { headers, body } = request;
      const kind = bodyKind(headers["content-type"], headers["content-encoding"]);
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      return reply.code(202).send(await taking.take(accounts.get(request)!, kind, bytes));
    },
  );
  app.route({
    method: ["GET", "PUT", "PATCH", "DELETE"],
    url: PATH,
    handler: (_request, reply) => {
      void reply.header("allow", "POST");
      throw refusal("method_not_allowed", "send events with POST");
    },
  });
}
