import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { earlyAnswer, lateAnswer } from "../faults/answers.js";
import type { Drawn, Faults } from "../faults/faults.js";
import type { Intake } from "../intake.js";
import type { FullOptions } from "../options.js";
import { refusal } from "../rules/codes.js";
import type { Push } from "../rules/request.js";
import { acceptedAnswer, jsonAnswer, refusalAnswer, type Answer } from "./answer.js";
import { deliver, drip, hang } from "./deliver.js";

/** The push interfaces' paths (specification 1.1, 1.6). */
export const PUSH_PATH = "/api/mkp-openapi-public/global/v1/isv/usage-data";
export const OLD_PUSH_PATH = "/rest/marketplace/v1/isv/usage-data";
const PATHS: Record<Push, string> = { new: PUSH_PATH, old: OLD_PUSH_PATH };
const pushOf = (url: string | undefined): Push => (url?.startsWith(OLD_PUSH_PATH) ? "old" : "new");

const SLOW_MS = 2000;

export type PushParts = { options: FullOptions; intake: Intake; faults: Faults };

declare module "fastify" {
  interface FastifyRequest {
    fault: Drawn | null;
  }
}

/** Adds the push interfaces; their bodies stay raw bytes, because the signature covers those. */
export async function addPush(app: FastifyInstance, { options, intake, faults }: PushParts): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("fault", null);

  app.addHook("onRequest", async (request, reply) => {
    request.fault = faults.draw();
    if (request.fault?.rule.mode !== "down") return;
    intake.noteKept(pushOf(request.raw.url), null, "down", 0);
    reply.hijack();
    request.raw.socket.destroy();
  });

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    options.logger.error({ err: error }, "a call failed");
    const now = options.realNow();
    if (error.statusCode === 413) return deliver(reply, TOO_LARGE, now);
    const code = error.statusCode !== undefined && error.statusCode < 500 ? "MKT.0199" : "MKT.0999";
    return deliver(reply, refusalAnswer(refusal(code, error.message)), now);
  });

  for (const push of ["new", "old"] as const)
    app.post(PATHS[push], { bodyLimit: options.bodyLimit }, (request, reply) => take(push, request, reply));

  async function take(push: Push, request: FastifyRequest, reply: FastifyReply) {
    const rule = request.fault?.rule;
    if (rule?.mode === "slow") await sleep(rule.afterMs ?? SLOW_MS, undefined, { ref: false });
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const serverNow = options.realNow() + (rule?.mode === "skew" ? rule.seconds * 1000 : 0);
    const early = rule && earlyAnswer(rule);
    if (early) {
      intake.noteKept(push, body, rule.mode, early.http);
      return deliver(reply, early, serverNow);
    }
    const { headers, fault: drawn } = request;
    const result = await intake.push({ push, url: request.raw.url!, headers, body, drawn, serverNow });
    const answer = result.ok ? acceptedAnswer(result.listed) : refusalAnswer(result.refusal);
    return finish(request, reply, { answer, accepted: result.ok, serverNow });
  }
}

type Finished = { answer: Answer; accepted: boolean; serverNow: number };

async function finish(
  request: FastifyRequest,
  reply: FastifyReply,
  { answer, accepted, serverNow }: Finished,
) {
  const rule = request.fault?.rule;
  if (rule?.mode === "drip") return drip(reply, answer, serverNow, rule);
  if (rule?.mode === "accept_then_timeout" && accepted) return hang(reply, rule.afterMs);
  return deliver(reply, (accepted && rule && lateAnswer(rule)) || answer, serverNow);
}

const TOO_LARGE = jsonAnswer(413, "APIGW.0201", "Request entity too large");
