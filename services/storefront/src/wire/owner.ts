import { holdsFor } from "@quarterpast/marketplace";
import type { Command, Request } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";

type OwnerDeps = Pick<StorefrontDeps, "keys" | "reads">;

/**
 * Whether the key that signed a call holds for what it is about: the account's keys hold for all, a product's own for
 * that product's calls. What product a call is about is not always known: a purchase of V2.0 names none, debugging
 * cases are about none of ours.
 */
export async function holdsForCall(
  deps: OwnerDeps,
  key: string,
  { command, test }: Request,
): Promise<boolean> {
  const ring = deps.keys();
  if (ring.account.includes(key) || test) return true;
  const products = await productsOf(deps, command);
  return products.every((product) => holdsFor(ring, key, product));
}

async function productsOf({ reads }: OwnerDeps, command: Command): Promise<string[]> {
  if (command.activity === "orderNotify") return [];
  if (command.activity === "newInstance") return command.productId === null ? [] : [command.productId];
  const ids = command.activity === "queryInstance" ? command.instanceIds : [command.instanceId];
  return (await reads.subscriptions(ids)).flatMap(({ productId }) => productId ?? []);
}
