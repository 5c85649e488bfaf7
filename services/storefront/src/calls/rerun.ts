import { findCall, findReruns, settleRerun, type KeptCall } from "@quarterpast/store";
import { allKeys, findV1Key, readQuery, type Parameters } from "@quarterpast/marketplace";
import { act } from "../act.js";
import { refOf } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import { writeAnswer, maskAnswer } from "../wire/answer.js";
import { readV1 } from "../wire/v1.js";
import { readV2 } from "../wire/v2.js";
import type { CallKeeper } from "./keep.js";

const AT_ONCE = 10;

/** Runs calls again that a person asked for: as if the marketplace had repeated them, signature and time aside. */
export async function rerunDue(deps: StorefrontDeps, keeper: CallKeeper): Promise<boolean> {
  const due = await findReruns(deps.pool, deps.account.accountNo, AT_ONCE);
  for (const { rerunId, callId } of due) {
    const call = await findCall(deps.pool, deps.account.accountNo, callId);
    const code = call?.authentic ? await rerun(deps, keeper, call) : "000001";
    await settleRerun(deps.pool, rerunId, code, deps.clock.now());
  }
  return due.length === AT_ONCE;
}

async function rerun(deps: StorefrontDeps, keeper: CallKeeper, call: KeptCall): Promise<string> {
  const received = deps.clock.real();
  const parameters = readQuery(call.query)[0] ?? new Map<string, string>();
  const key = keyOf(deps, call, parameters);
  const read = call.version === "v2" ? readV2(Buffer.from(call.body, "utf8")) : readV1(parameters, key);
  if (!read.ok) return "000002";
  const answer = await act(deps, read.value);
  const encryption = deps.options.credentials[call.version];
  const reply = writeAnswer(answer, { version: call.version, key, encryption, letters: deps.letters });
  const { callId, ...first } = call;
  await keeper.keep({
    ...first,
    received,
    code: answer.code,
    detail: answer.detail ?? "",
    reply: maskAnswer(reply),
    durationMs: Math.round((deps.clock.real() - received) / 1_000),
    ref: refOf(read.value.command),
    rerunOf: callId,
  });
  return answer.code;
}

/** The key that signed the call, where it holds still: fields of V1.0 were encrypted with it. */
function keyOf({ keys }: StorefrontDeps, { version }: KeptCall, parameters: Parameters): string {
  const all = allKeys(keys());
  return (version === "v1" ? findV1Key(all, parameters) : undefined) ?? all[0]!;
}
