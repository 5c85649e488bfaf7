import type { AddressInfo } from "node:net";
import { createHttp, createLogger, createMetrics } from "@quarterpast/runtime";

/** The collector's HTTP server, answering like it but without doing any work. */
const app = createHttp({
  logger: createLogger({ service: "bench", level: "warn" }),
  metrics: createMetrics("bench"),
  ready: {},
  bare: {
    path: "/v1/events",
    admit: () => undefined,
    answer: async () => ({ status: 202, body: { accepted: 1, rejected: [] } }),
  },
});
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
process.send!({ ready: true, port: (app.server.address() as AddressInfo).port });
process.on("SIGTERM", () => process.exit(0));
