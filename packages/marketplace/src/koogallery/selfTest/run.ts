import { randomUUID } from "node:crypto";
import type { CaseResult, SelfTest, SelfTestTarget } from "../../selfTest.js";
import { authTokenOf, signV2, sortedBody } from "../storefront/sign.js";
import { formatDigits } from "../storefront/times.js";
import { casesOf, follow, MODES, openSession, VERSIONS, type DebugCase, type Version } from "./cases.js";
import { checkAnswer, TIME_LIMIT_MS, type RawAnswer } from "./check.js";

/** The debugging cases of KooGallery's console (koogallery.md 5), with `testFlag=1`. */
export const selfTest: SelfTest = {
  versions: VERSIONS,
  modes: MODES,
  run: (target, { versions = VERSIONS, modes = MODES } = {}, signal) =>
    runCases(target, casesOf({ versions, modes }), signal),
};

/**
 * Runs debugging cases one after the other; those of one version and mode share an order.
 * @param signal ends it: then it rejects with the signal's reason.
 */
async function runCases(
  target: SelfTestTarget,
  cases: readonly DebugCase[],
  signal?: AbortSignal,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let group = "";
  let session = openSession();
  for (const one of cases) {
    if (group !== `${one.version} ${one.mode}`) session = openSession();
    group = `${one.version} ${one.mode}`;
    const { version, mode, name } = one;
    const answer = await call(target, one.version, { ...one.fields(session), testFlag: "1" }, signal);
    signal?.throwIfAborted();
    if ("unreachable" in answer) {
      const { unreachable: why } = answer;
      const problem = { en: `no answer: ${why}`, zh: `无响应：${why}` };
      results.push({ version, mode, name, durationMs: answer.durationMs, problems: [problem] });
      continue;
    }
    const { reply, problems } = checkAnswer(answer, one, session, target.key);
    session = follow(session, reply);
    results.push({ version, mode, name, durationMs: answer.durationMs, problems });
  }
  return results;
}

type Answered = RawAnswer | { unreachable: string; durationMs: number };

async function call(
  target: SelfTestTarget,
  version: Version,
  fields: Record<string, string | object>,
  ended: AbortSignal | undefined,
): Promise<Answered> {
  const began = performance.now();
  const durationMs = () => Math.round(performance.now() - began);
  const { url, init } = version === "v2" ? v2Call(target, fields) : v1Call(target, fields);
  try {
    const limit = AbortSignal.timeout(2 * TIME_LIMIT_MS);
    const signal = ended ? AbortSignal.any([limit, ended]) : limit;
    const answer = await fetch(url, { ...init, signal, redirect: "error" });
    const body = await answer.text();
    const { headers, status } = answer;
    return {
      ...{ status, body, durationMs: durationMs(), bodySign: headers.get("body-sign") },
      contentType: headers.get("content-type") ?? "",
    };
  } catch (error) {
    const { name, cause } = error as { name: string; cause?: { code?: string } };
    return { unreachable: cause?.code ?? name, durationMs: durationMs() };
  }
}

function v2Call({ url, key }: SelfTestTarget, fields: Record<string, string | object>) {
  const body = sortedBody(Buffer.from(JSON.stringify(fields), "utf8"))!;
  const [timestamp, nonce] = [String(Date.now()), randomUUID()];
  const signed = new URL(url);
  signed.search = new URLSearchParams({
    ...{ signature: signV2(key, body, nonce, timestamp), timestamp, nonce },
  }).toString();
  return { url: signed, init: { method: "POST", body, headers: { "content-type": "application/json" } } };
}

function v1Call({ url, key }: SelfTestTarget, fields: Record<string, string | object>) {
  const parameters = new Map(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  parameters.set("timeStamp", formatDigits(Date.now() * 1_000));
  parameters.set("authToken", authTokenOf(key, parameters));
  const signed = new URL(url);
  signed.search = new URLSearchParams([...parameters]).toString();
  return { url: signed, init: { method: "GET" } };
}
