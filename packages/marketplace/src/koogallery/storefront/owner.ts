import type { Storefront } from "../../storefront.js";
import { holdsFor, type Keyring } from "../keyring.js";
import type { Asked, Asking } from "./call.js";

/**
 * Whether the key that signed a call is valid for what it is about: the account's keys are valid for all, a product's
 * own only for that product's calls. The product of a call is not always known: a purchase of V2.0 names none, and
 * debugging cases concern none of ours.
 */
export async function holdsForCall(
  ring: Keyring,
  { productsOf }: Pick<Storefront, "productsOf">,
  key: string,
  { asked, test }: Asking,
): Promise<boolean> {
  if (ring.account.includes(key) || test) return true;
  const products = await productsAskedOf(productsOf, asked);
  return products.every((product) => holdsFor(ring, key, product));
}

async function productsAskedOf(productsOf: Storefront["productsOf"], asked: Asked): Promise<string[]> {
  if (asked.activity === "orderNotify") return [];
  if (asked.activity === "newInstance") return asked.productId === null ? [] : [asked.productId];
  return productsOf(asked.activity === "queryInstance" ? asked.instanceIds : [asked.instanceId]);
}
