import { z } from "zod";
import { text } from "./field.js";
import type { Contract, Route } from "./route.js";
import { health } from "./routes/health.js";

/** What a marketplace sends to a production address and is answered, by a name for each way. It signs: no key of ours. */
export type StorefrontCalls = Readonly<Record<string, Omit<Route, "path" | "params" | "roles">>>;

/**
 * Every route of the storefront.
 * @param marketplaces those that send calls, with these; each has an address per account, and a short one, the first account's
 */
export function storefrontContract(marketplaces: Readonly<Record<string, StorefrontCalls>>): Contract {
  const params = z.strictObject({ account: text("Account", "账户") });
  const routes = Object.entries(marketplaces).flatMap(([marketplace, calls]) =>
    Object.entries(calls).flatMap(([name, call]): [string, Route][] => [
      [`${marketplace}_${name}`, { ...call, roles: [], path: `/${marketplace}/:account`, params }],
      [`${marketplace}_${name}_first`, { ...call, roles: [], path: `/${marketplace}` }],
    ]),
  );
  return { ...health, ...Object.fromEntries(routes) };
}
