import { inspect } from "node:util";

const HIDDEN = "(hidden)";

/** A text that does not show in logs, JSON, templates or errors; only `reveal` returns it. */
export interface Secret {
  reveal: () => string;
  toString: () => string;
}

/** Wraps a secret text. */
export function secret(text: string): Secret {
  const hidden = () => HIDDEN;
  return Object.freeze({
    reveal: () => text,
    toString: hidden,
    toJSON: hidden,
    [inspect.custom]: hidden,
  });
}
