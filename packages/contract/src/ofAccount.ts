import type { Text } from "@quarterpast/domain";
import { z } from "zod";
import { mergedCursor, type Places } from "./cursor.js";
import { field, optional } from "./field.js";
import type { Route } from "./route.js";

const TITLE: Text = { en: "Account", zh: "账号" };

/** Which account a request is about: needed only if the key may see several, and the route does not show all of them. */
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

/** A page of a list over several accounts goes on in each of them. */
type Merged<S> = S extends { cursor: infer C extends z.ZodType }
  ? Omit<S, "cursor"> & {
      cursor: z.ZodOptional<z.ZodType<NonNullable<z.output<C>> | Places<NonNullable<z.output<C>>>, string>>;
    }
  : S;
type QueryOf<R> = R extends { query: z.ZodObject<infer S> }
  ? R extends { merges: true }
    ? Merged<S>
    : S
  : Record<never, never>;

/** A route of things that belong to an account: its query may name it. */
export type OfAccount<R extends Route> = Omit<R, "query"> & {
  isOfAccount: true;
  query: z.ZodObject<QueryOf<R> & AccountField, z.core.$strict>;
};

/** Adds the account to the query of every route in a part of the contract. */
export function ofAccount<C extends Readonly<Record<string, Route>>>(
  routes: C,
): { [K in keyof C]: OfAccount<C[K]> } {
  const taken = Object.entries(routes).map(([name, one]) => {
    const { cursor, ...shape } = (one.query?.shape ?? {}) as Record<string, z.ZodType>;
    const paged = cursor && { cursor: one.merges ? mergedCursor(cursor) : cursor };
    const query = z.strictObject({ ...shape, ...paged, ...ACCOUNT_FIELD });
    return [name, { ...one, isOfAccount: true, query }];
  });
  return Object.fromEntries(taken) as { [K in keyof C]: OfAccount<C[K]> };
}
