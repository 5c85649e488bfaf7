import type { Text } from "@quarterpast/domain";
import { z } from "zod";
import { field, optional } from "./field.js";
import type { Route } from "./route.js";

const TITLE: Text = { en: "Account", zh: "账号" };

/** Which account a request is about: needed only if the key may see several. */
export const ACCOUNT_FIELD = {
  account: optional(
    field(
      {
        title: TITLE,
        right: {
          en: "the code of an account, as accounts list shows it",
          zh: " accounts list 所列的账号代码",
        },
      },
      z.string().regex(/^[\x21-\x7e]{1,64}$/),
    ),
  ),
};
type AccountField = typeof ACCOUNT_FIELD;

/** A route for things that belong to an account: its query may name the account. */
export type OfAccount<R extends Route> = Omit<R, "query"> & {
  isOfAccount: true;
  query: z.ZodObject<
    (R extends { query: z.ZodObject<infer S> } ? S : Record<never, never>) & AccountField,
    z.core.$strict
  >;
};

/** Adds the account to the query of every route in a part of the contract. */
export function ofAccount<C extends Readonly<Record<string, Route>>>(
  routes: C,
): { [K in keyof C]: OfAccount<C[K]> } {
  const taken = Object.entries(routes).map(([name, one]) => [
    name,
    { ...one, isOfAccount: true, query: z.strictObject({ ...one.query?.shape, ...ACCOUNT_FIELD }) },
  ]);
  return Object.fromEntries(taken) as { [K in keyof C]: OfAccount<C[K]> };
}
