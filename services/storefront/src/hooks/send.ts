import { createHmac } from "node:crypto";
import { readJson, type Micros } from "@quarterpast/domain";
import { z } from "zod";

/** How the seller's service answered a hook. */
export type HookResult =
  | { kind: "taken"; reply: unknown }
  /** Not ready, or not reached: it is sent again. */
  | { kind: "later"; error: string };

export interface HookSender {
  send(hook: { deliveryId: string; payload: string }, timeoutMs?: number): Promise<HookResult>;
}

const MAX_REPLY_CHARS = 65_536;
const TIMEOUT_MS = 10_000;

/**
 * Posts hooks to the seller's service. The signature covers time and body, so that a hook can be neither forged nor
 * replayed later: `quarterpast-signature: t=<ms>,v1=<hex of HMAC-SHA256(key, "<ms>.<body>")>`. 2xx means taken,
 * except 202, which means not yet.
 */
export function createHookSender(settings: { url: string; key: string; now: () => Micros }): HookSender {
  return {
    async send({ deliveryId, payload }, timeoutMs = TIMEOUT_MS) {
      const ms = Math.floor(settings.now() / 1_000);
      const proof = createHmac("sha256", settings.key).update(`${ms}.${payload}`).digest("hex");
      try {
        const answer = await fetch(settings.url, {
          method: "POST",
          body: payload,
          redirect: "error",
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            "content-type": "application/json",
            "quarterpast-delivery": deliveryId,
            "quarterpast-signature": `t=${ms},v1=${proof}`,
          },
        });
        const text = (await answer.text()).slice(0, MAX_REPLY_CHARS);
        if (!answer.ok || answer.status === 202) return { kind: "later", error: `answered ${answer.status}` };
        return { kind: "taken", reply: parse(text) };
      } catch (error) {
        const { name, cause } = error as { name: string; cause?: { code?: string } };
        return { kind: "later", error: cause?.code ?? name };
      }
    },
  };
}

function parse(text: string): unknown {
  const read = readJson(text);
  return read.ok ? read.value : null;
}

const url = () => z.string().max(512).optional().catch(undefined);
const short = (max: number) => z.string().max(max).optional().catch(undefined);

/** What a seller's service may answer about a new instance; an invalid field is left out. */
export const providedSchema = z
  .object({
    subject: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]{1,100}$/u)
      .optional()
      .catch(undefined),
    frontEndUrl: url(),
    adminUrl: url(),
    userName: short(128),
    password: short(128),
    memo: short(1_024),
    dashboardUrl: url(),
  })
  .catch({});
