import type { Text } from "@quarterpast/domain";
import { noAnswer, within } from "@quarterpast/runtime";
import type { ApiAccount, RouteDeps } from "../deps.js";

/** The result of a check; `advice` says what to do and is null if all is well. */
export interface Finding {
  ok: boolean;
  found: Text;
  advice: Text | null;
}

/** A finding under the stable name of its check, of one account or, with null, of the seller as a whole. */
export type Checked = Finding & { name: string; account: string | null; title: Text };

/** What a check of the seller works with. */
export type SellerDeps = Omit<RouteDeps, keyof ApiAccount> & {
  /** Codes of the accounts that the asking key is limited to; null for all. */
  limitedTo: readonly string[] | null;
};

/** One thing that doctor looks at. `D`: what of the stack it needs; by default what is one account's. */
export interface Check<D = RouteDeps> {
  name: string;
  title: Text;
  look: (deps: D) => Promise<Finding>;
}

export const well = (en: string, zh: string): Finding => ({ ok: true, found: { en, zh }, advice: null });
export const ill = (found: Text, advice: Text): Finding => ({ ok: false, found, advice });

const LONGEST_MS = 8_000;

/** Runs a check; one that throws or does not answer in time has failed. */
export async function run<D>(
  { name, title, look }: Check<D>,
  deps: D,
  account: string | null = null,
): Promise<Checked> {
  try {
    return { name, account, title, ...(await within(LONGEST_MS, look(deps), noAnswer(LONGEST_MS))) };
  } catch (error) {
    const why = lineOf(error);
    const advice = {
      en: "Make sure it runs and can be reached from the api, then ask again",
      zh: "请确认其正在运行且 api 可以访问，然后重试",
    };
    return { name, account, title, ...ill({ en: `not answered: ${why}`, zh: `没有应答：${why}` }, advice) };
  }
}

function lineOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).split("\n")[0]!.slice(0, 200);
}
