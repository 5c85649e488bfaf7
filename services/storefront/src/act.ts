import { within } from "@quarterpast/runtime";
import { checkChange, notify } from "./acts/orders.js";
import { refresh, release, setStatus, upgrade } from "./acts/life.js";
import { newInstance } from "./acts/newInstance.js";
import { queryInstances } from "./acts/query.js";
import type { Answer, Request } from "./commands.js";
import { answerDebug } from "./debug.js";
import type { StorefrontDeps } from "./deps.js";

/** Before the marketplace gives up after 5 s. */
const ANSWER_WITHIN_MS = 4_300;

/** Does what a call asks for. Never rejects, and answers in time: what takes longer goes on by itself. */
export async function act(deps: StorefrontDeps, request: Request): Promise<Answer> {
  const late: Answer = { code: "000005", detail: `not done within ${ANSWER_WITHIN_MS} ms` };
  try {
    return await within(ANSWER_WITHIN_MS, carryOut(deps, request), () => late);
  } catch (error) {
    deps.logger.error({ err: error, activity: request.command.activity }, "a call failed");
    return { code: "000005", detail: error instanceof Error ? error.message : "error" };
  }
}

function carryOut(deps: StorefrontDeps, { command, test }: Request): Promise<Answer> {
  if (test) return answerDebug(deps, command);
  switch (command.activity) {
    case "newInstance":
      return newInstance(deps, command);
    case "queryInstance":
      return queryInstances(deps, command.instanceIds);
    case "refreshInstance":
      return refresh(deps, command);
    case "setStatus":
      return setStatus(deps, command);
    case "releaseInstance":
      return release(deps, command);
    case "upgradeInstance":
      return upgrade(deps, command);
    case "changeInstanceCheck":
      return checkChange(deps, command);
    case "orderNotify":
      return notify(deps, command);
  }
}
