import { createHttp, createLogger, createMetrics } from "@quarterpast/runtime";

/** The HTTP server that every service has, answering as the collector does and doing nothing. */
const app = createHttp({
  logger: createLogger({ service: "bench", level: "warn" }),
  metrics: createMetrics("bench"),
  ready: {},
});
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/v1/events", async (_request, reply) => reply.code(202).send({ accepted: 1, rejected: [] }));
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
process.send!({ ready: true });
process.on("SIGTERM", () => process.exit(0));
