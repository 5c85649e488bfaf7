import { KEY_ROLES, type KeyRole, type Text } from "@quarterpast/domain";
import type { z } from "zod";

/** A body that is a file, passed through unchanged. */
export interface FileBody {
  kind: "file";
  types: readonly [string, ...string[]];
  mostBytes: number;
  /** Describes a valid body. */
  right: Text;
}

/** A body in one of several forms, by content type; null for NDJSON, whose lines have the schema `line`. */
export interface TypedBody {
  kind: "types";
  types: Readonly<Record<string, z.ZodType | null>>;
  line: z.ZodType;
}

/** An answer written while it is being read, of unknown length. */
export interface StreamAnswer {
  kind: "stream";
  /** By content type: the schema of a line of NDJSON, or of a row of CSV; null if a document describes the lines. */
  lines: Readonly<Record<string, z.ZodType | null>>;
}

/** An answer without a body. */
export interface NoBody {
  kind: "nothing";
}

export type Answers = Readonly<Record<number, z.ZodType | StreamAnswer | NoBody>>;

/** One operation of a service: what is sent, by whom, and what is answered. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  /** With parameters as `:name`. */
  path: string;
  /** What it does, in a sentence. */
  summary: Text;
  /** Roles of keys that may call it; empty: it needs no key. */
  roles: readonly KeyRole[];
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** Its things belong to an account: see `ofAccount`. */
  isOfAccount?: true;
  /**
   * Without an account it is about all that the key may see: a list shows them in one order, each item with its account; what
   * has a number of its own over all accounts is found in any.
   */
  merges?: true;
  body?: z.ZodType | FileBody | TypedBody;
  answers: Answers;
}

/** All routes of a service, by name; the name is the client's method and OpenAPI's operationId. */
export type Contract = Readonly<Record<string, Route>>;

/** Keeps a route's literal types. */
export const route = <const R extends Route>(one: R): R => one;

/** Roles that may change something, that may read, and all roles. */
export const OPERATOR = ["operator"] as const satisfies readonly KeyRole[];
export const READERS = ["operator", "finance", "auditor"] as const satisfies readonly KeyRole[];
export const EVERYBODY = KEY_ROLES;
export const SENDERS = ["ingest", "operator"] as const satisfies readonly KeyRole[];

export const NOTHING: NoBody = { kind: "nothing" };

export const isFile = (body: Route["body"]): body is FileBody =>
  body !== undefined && "kind" in body && body.kind === "file";
export const isTyped = (body: Route["body"]): body is TypedBody =>
  body !== undefined && "kind" in body && body.kind === "types";
export const isStream = (answer: Answers[number]): answer is StreamAnswer =>
  "kind" in answer && answer.kind === "stream";
export const isNothing = (answer: Answers[number]): answer is NoBody =>
  "kind" in answer && answer.kind === "nothing";
