import type { FastifyInstance } from "fastify";
import type { BareRoute } from "@quarterpast/runtime";
import type { LiveKey } from "@quarterpast/store";
import type { Admission } from "./admission.js";
import type { ApiKeys } from "./apiKeys.js";
import { bodyForm } from "./body.js";
import type { Intake, Sending } from "./intake.js";
import { refusal } from "./problems.js";
import { unpackerOf, type Unpack } from "./unpack.js";

export interface RouteDeps {
  apiKeys: ApiKeys;
  admission: Admission;
  /** Undefined until the collector can accept events. */
  intake: () => Intake | undefined;
}

const PATH = "/v1/events";

interface Admitted {
  key: LiveKey;
  sending: Sending;
  unpack: Unpack | undefined;
}

/** Asks that one bad event refuses the whole request (RFC 7240). */
const STRICT = /(?:^|[,;])\s*handling\s*=\s*"?strict"?\s*(?:[,;]|$)/i;

/** `POST /v1/events`. Key, size and content type are checked before the body is read. */
export function eventsRoute({ apiKeys, admission, intake }: RouteDeps): BareRoute<Admitted> {
  return {
    path: PATH,
    admit({ headers }, response) {
      const key = apiKeys.authorize(headers.authorization);
      const unpack = unpackerOf(headers["content-encoding"]);
      const form = bodyForm(headers);
      if (!intake()) throw refusal("unavailable", "the collector is starting");
      // A packed body counts as the largest that it may become.
      admission.admit(unpack ? undefined : headers["content-length"], response);
      return { key, sending: { form, isStrict: STRICT.test(String(headers["prefer"] ?? "")) }, unpack };
    },
    async answer({ key, sending, unpack }, body) {
      const taking = intake();
      if (!taking) throw refusal("unavailable", "the collector is stopping");
      const receipt = await taking.take(key, sending, unpack ? await unpack(body) : body);
      return { status: receipt.rejected.length === 0 ? 202 : 207, body: receipt };
    },
  };
}

/** Answers other methods with the right one. */
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
