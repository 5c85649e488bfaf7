import type { AddressInfo } from "node:net";
import { Queue } from "bullmq";
import { fastify } from "fastify";
import { Redis } from "ioredis";

/** The naive pipeline's front: one event, one job, as in the guides of Fastify and BullMQ. */
const connection = new Redis(process.env["REDIS_URL"]!, { maxRetriesPerRequest: 1 });
const queue = new Queue("usage", { connection, prefix: process.env["QUEUE_PREFIX"]! });
const app = fastify();

const schema = {
  body: {
    type: "object",
    required: ["id", "source", "type", "subject", "time", "data"],
    properties: {
      id: { type: "string" },
      source: { type: "string" },
      type: { type: "string" },
      subject: { type: "string" },
      time: { type: "string" },
      data: { type: "object", required: ["quantity"], properties: { quantity: { type: "string" } } },
    },
  },
};

app.post("/events", { schema }, async (request, reply) => {
  await queue.add("event", request.body, { removeOnComplete: true });
  return reply.code(202).send({ accepted: true });
});
await queue.waitUntilReady();
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
process.send!({ ready: true, port: (app.server.address() as AddressInfo).port });
process.on("SIGTERM", () => process.exit(0));
