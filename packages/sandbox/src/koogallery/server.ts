import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { ZodError, z } from "zod";
import type { FullOptions } from "./options.js";
import { addControl } from "./routes/control.js";
import type { Control } from "./control.js";
import { addPush, type PushParts } from "./routes/push.js";
import { addViews, type ViewParts } from "./routes/views.js";
import { addShop, type ShopRoutes } from "./shop/routes.js";

export type ServerParts = {
  options: FullOptions;
  control: Control;
  push: PushParts;
  views: ViewParts;
  shop: ShopRoutes | undefined;
};

/** From the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 30_000;

/** The sandbox's HTTP server, not yet listening; closing it cuts open connections, including hanging ones. */
export function createServer({ options, control, push, views, shop }: ServerParts): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true, logger: false, requestTimeout: REQUEST_TIMEOUT_MS });
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error instanceof ZodError) return reply.code(400).send({ error: z.prettifyError(error) });
    const status = error.statusCode ?? 500;
    if (status >= 500) options.logger.error({ err: error }, "a request failed");
    return reply.code(status).send({ error: error.message });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error_code: "APIGW.0101", error_msg: "The API does not exist" }),
  );
  app.register(async (scope) => addPush(scope, push));
  app.register(async (scope) => {
    addControl(scope, control);
    addViews(scope, views);
  });
  if (shop) app.register(async (scope) => addShop(scope, shop));
  return app;
}
