import { encodeCursor, encodePlaces, isPlaces, type Places, type Route } from "@quarterpast/contract";
import type { z } from "zod";
import { refusal } from "./refuse.js";
import { serveMerged, type MergingHandler, type OwnPart, type Routes } from "./serve.js";

type QueryOf<R extends Route> = R extends { query: infer Q extends z.ZodType } ? z.output<Q> : never;
type CursorOf<R extends Route> =
  QueryOf<R> extends { cursor?: infer C | undefined } ? Exclude<C, Places<unknown>> : never;

/** What a list is asked with, as one account has it: after its own place, and one more than a page has. */
export type OwnQuery<R extends Route> = Omit<QueryOf<R>, "cursor" | "account" | "limit"> & {
  after: CursorOf<R> | undefined;
  limit: number;
};

/** What a row is ordered by: the first that differs decides. */
type Key = readonly (string | number)[];

/** One account's part of a list that is read page by page. */
export interface OwnList<R extends Route, T> {
  read: (query: OwnQuery<R>) => Promise<T[]>;
  toApi: (row: T) => object;
  /** What a page goes on after. */
  cursorOf: (row: T) => string;
  /** As the rows of an account are ordered; its cursor unless told otherwise. */
  keyOf?: (row: T) => Key;
  newestFirst?: boolean;
}

/**
 * The cursor of a list whose rows have one order over all accounts.
 * @throws a refusal for one of another list
 */
export function plainCursor<C>(cursor: C | undefined): Exclude<C, Places<unknown>> | undefined {
  if (!isPlaces(cursor)) return cursor as Exclude<C, Places<unknown>> | undefined;
  throw refusal(
    "field_invalid",
    {
      en: "cursor: give the value of next of the page before",
      zh: "cursor：应为上一页的 next 值",
    },
    { field: "cursor" },
  );
}

interface Head<R extends Route> {
  account: string;
  list: OwnList<R, unknown>;
  rows: unknown[];
  /** How many of the rows are shown. */
  taken: number;
}

/**
 * Serves a list of one account after another, or of several in one order: each account's rows come in their own order, and
 * a page goes on after the last that it showed of each.
 */
export function serveList<R extends Route & { merges: true }, T>(
  routes: Routes,
  route: R,
  list: OwnList<R, T>,
): void {
  const merge = async (parts: readonly OwnPart<OwnList<R, unknown>>[], { query }: { query: unknown }) =>
    readPage(parts, query as Paged);
  const own = list as unknown as OwnList<R, unknown>;
  serveMerged(routes, route, own, merge as unknown as MergingHandler<R, OwnList<R, unknown>>);
}

interface Paged {
  limit: number;
  cursor?: unknown;
  account?: string | undefined;
}

async function readPage<R extends Route>(
  parts: readonly OwnPart<OwnList<R, unknown>>[],
  { cursor, account: _, limit, ...filter }: Paged,
): Promise<{ items: object[]; next: string | null }> {
  const places = isPlaces(cursor) ? cursor.of : {};
  const heads = await Promise.all(
    parts.map(async ({ account, own }): Promise<Head<R>> => {
      const after = isPlaces(cursor) ? places[account] : cursor;
      const rows = await own.read({ ...filter, after, limit: limit + 1 } as unknown as OwnQuery<R>);
      return { account, list: own, rows, taken: 0 };
    }),
  );
  const items: object[] = [];
  for (let head = firstOf(heads); head && items.length < limit; head = firstOf(heads))
    items.push(head.list.toApi(head.rows[head.taken++]));
  return { items, next: firstOf(heads) === undefined ? null : nextOf(heads, cursor) };
}

/** Whose next row comes first: of equals that of the account that was declared first. */
function firstOf<R extends Route>(heads: readonly Head<R>[]): Head<R> | undefined {
  let first: Head<R> | undefined;
  for (const head of heads) {
    if (head.taken === head.rows.length) continue;
    if (first === undefined || comesBefore(head, first)) first = head;
  }
  return first;
}

function comesBefore<R extends Route>(one: Head<R>, other: Head<R>): boolean {
  const [a, b] = [keyOf(one), keyOf(other)];
  const at = a.findIndex((part, index) => part !== b[index]);
  if (at < 0) return false;
  return one.list.newestFirst ? a[at]! > b[at]! : a[at]! < b[at]!;
}

function keyOf<R extends Route>({ list, rows, taken }: Head<R>): Key {
  const row = rows[taken];
  return list.keyOf ? list.keyOf(row) : [list.cursorOf(row)];
}

/** A list of one account goes on by its own cursor, so that its pages are the same whoever else is there. */
function nextOf<R extends Route>(heads: readonly Head<R>[], cursor: unknown): string {
  const told = (head: Head<R>) => head.list.cursorOf(head.rows[head.taken - 1]);
  if (heads.length === 1 && !isPlaces(cursor)) return told(heads[0]!);
  const everywhere = cursor === undefined ? [] : heads.map(({ account }) => [account, cursor] as const);
  const before = isPlaces(cursor) ? cursor.of : Object.fromEntries(everywhere);
  const shown = heads.filter(({ taken }) => taken > 0);
  // An account of which this page showed nothing stays where it was.
  const kept = Object.entries(before).flatMap(([account, place]) =>
    shown.some((head) => head.account === account) ? [] : [[account, textOf(place)] as const],
  );
  return encodePlaces(
    Object.fromEntries([...kept, ...shown.map((head) => [head.account, told(head)] as const)]),
  );
}

/** The text of an account's own cursor, as it was read. */
function textOf(place: unknown): string {
  return Array.isArray(place) ? encodeCursor(...(place as string[])) : `${place as string | number}`;
}
