import { inspect } from "node:util";

const HIDDEN = "(hidden)";

/** A text that shows itself in no log, JSON, template or error; `reveal` alone gives it out. */
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
