import type { FastifyInstance } from "fastify";
import type { BareRoute } from "@quarterpast/runtime";
import type { LiveKey } from "@quarterpast/store";
import type { Admission } from "./admission.js";
import type { ApiKeys } from "./apiKeys.js";
import { bodyKind } from "./body.js";
import type { Intake, Sending } from "./intake.js";
import { refusal } from "./problems.js";

export interface RouteDeps {
  apiKeys: ApiKeys;
  admission: Admission;
  /** Undefined until the collector can take events. */
  intake: () => Intake | undefined;
}

const PATH = "/v1/events";

interface Admitted {
  key: LiveKey;
  sending: Sending;
}

/** Asks that one bad event refuses the whole request (RFC 7240). */
const STRICT = /(?:^|[,;])\s*handling\s*=\s*"?strict"?\s*(?:[,;]|$)/i;

/** `POST /v1/events`. Key, size and content type are checked before the body is read. */
export function eventsRoute({ apiKeys, admission, intake }: RouteDeps): BareRoute<Admitted> {
  return {
    path: PATH,
    admit({ headers }, response) {
      const key = apiKeys.authorize(headers.authorization);
      const kind = bodyKind(headers["content-type"], headers["content-encoding"]);
      if (!intake()) throw refusal("unavailable", "the collector is starting");
      admission.admit(headers["content-length"], response);
      return { key, sending: { kind, isStrict: STRICT.test(String(headers["prefer"] ?? "")) } };
    },
    async answer({ key, sending }, body) {
      const taking = intake();
      if (!taking) throw refusal("unavailable", "the collector is stopping");
      const receipt = await taking.take(key, sending, body);
      return { status: receipt.rejected.length === 0 ? 202 : 207, body: receipt };
    },
  };
}

/** Tells who comes with another method what the right one is. */
export function refuseOtherMethods(app: FastifyInstance): void {
  app.route({
    method: ["GET", "PUT", "PATCH", "DELETE"],
    url: PATH,
    handler: (_request, reply) => {
      void reply.header("allow", "POST");
      throw refusal("method_not_allowed", "send events with POST");
    },
  });
}
