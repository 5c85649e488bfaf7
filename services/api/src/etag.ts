import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";

// Our own code: @fastify/etag supports neither a list of tags nor `*`, and answers 304 to errors and POSTs too.
/** Gives every answer to a GET an ETag over its bytes; a client that already has them gets 304 without a body. */
export function addEtags(scope: FastifyInstance): void {
  scope.addHook("onSend", async (request, reply, payload) => {
    if (request.method !== "GET" || reply.statusCode !== 200 || typeof payload !== "string") return payload;
    const etag = `"${createHash("sha256").update(payload).digest("base64url").slice(0, 27)}"`;
    void reply.header("etag", etag).header("cache-control", "private, no-cache");
    const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim().replace(/^W\//, ""));
    if (!known?.some((one) => one === etag || one === "*")) return payload;
    void reply.code(304);
    return null;
  });
}
