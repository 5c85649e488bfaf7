import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import type { Fault } from "../faults/schema.js";
import type { Answer } from "./answer.js";

const DRIP_MS = 50;

/** Sends an answer unchanged; `date` is the server's time in milliseconds. */
export function deliver(reply: FastifyReply, answer: Answer, date: number): FastifyReply {
  return reply
    .code(answer.http)
    .headers({ ...answer.headers, date: new Date(date).toUTCString(), "content-type": answer.type })
    .send(answer.body);
}

/** Sends an answer byte by byte, padded with blanks to the rule's size; ends early if the caller disconnects. */
export async function drip(reply: FastifyReply, answer: Answer, date: number, rule: Fault): Promise<void> {
  reply.hijack();
  const bytes = Buffer.from(answer.body.padEnd(rule.size, " "));
  const raw = reply.raw;
  raw.writeHead(answer.http, {
    ...answer.headers,
    date: new Date(date).toUTCString(),
    "content-type": answer.type,
    "content-length": bytes.length,
  });
  const step = Math.max(1, Math.ceil(rule.size / 1000));
  for (let at = 0; at < bytes.length && !raw.destroyed; at += step) {
    raw.write(bytes.subarray(at, at + step));
    await sleep(rule.afterMs ?? DRIP_MS, undefined, { ref: false });
  }
  raw.end();
}

/** Never answers; cuts the connection after `afterMs`, or leaves it to the caller. */
export function hang(reply: FastifyReply, afterMs: number | undefined): void {
  reply.hijack();
  if (afterMs !== undefined) setTimeout(() => reply.raw.destroy(), afterMs).unref();
}
