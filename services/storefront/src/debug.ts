import { formatDigits } from "@quarterpast/marketplace";
import { reserveDebugInstance } from "@quarterpast/store";
import type { Answer, Command } from "./commands.js";
import type { StorefrontDeps } from "./deps.js";

/**
 * Answers a debugging call: always with success, however often, and apart from all production rows; a failing one hides
 * the product from the market (koogallery.md 3.8, 9).
 */
export async function answerDebug(deps: StorefrontDeps, command: Command): Promise<Answer> {
  const { account, pool, clock, template } = deps;
  if (command.activity === "newInstance") {
    const { orderId, item, businessId } = command;
    const wanted = { accountNo: account.accountNo, orderId, item, businessId };
    return {
      code: "000000",
      instanceId: await reserveDebugInstance(pool, wanted, clock.now()),
      app: template,
    };
  }
  if (command.activity === "queryInstance") {
    const usage = [{ usageValue: "0", statisticalTime: formatDigits(clock.now()) }];
    return {
      code: "000000",
      info: command.instanceIds.map((instanceId) => ({ instanceId, app: template, usage })),
    };
  }
  return { code: "000000" };
}
