import type { AddressInfo } from "node:net";
import { createHttp, createLogger, createMetrics } from "@quarterpast/runtime";

/**
 * The HTTP server that the collector has, answering as it does and doing nothing: by its bare route, or with `ROUTE=fastify`
 * by a route of the framework, so that the row beside it says what the bare one is for.
 */
const PATH = "/v1/events";
const answer = { status: 202, body: { accepted: 1, rejected: [] } };
const isFastify = process.env["ROUTE"] === "fastify";
const app = createHttp({
  logger: createLogger({ service: "bench", level: "warn" }),
  metrics: createMetrics("bench"),
  ready: {},
  ...(!isFastify && { bare: { path: PATH, admit: () => undefined, answer: async () => answer } }),
});
if (isFastify) {
  // The body as bytes, as the bare route has it: reading it is the collector's own work.
  app.addContentTypeParser("*", { parseAs: "buffer" }, async (_request: unknown, body: Buffer) => body);
  app.post(PATH, async (_request, reply) => reply.code(answer.status).send(answer.body));
}
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
process.send!({ ready: true, port: (app.server.address() as AddressInfo).port });
process.on("SIGTERM", () => process.exit(0));
