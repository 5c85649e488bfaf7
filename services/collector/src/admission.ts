import type { ServerResponse } from "node:http";
import { BODY_LIMITS } from "./body.js";
import { refusal } from "./problems.js";

/** Bytes of requests that may be in work at once; more is refused before memory, disk or Redis saturate. */
const IN_FLIGHT_MAX_BYTES = 64 * 1_048_576;

/** What is in work. */
export interface Admission {
  /**
   * Lets a request in; it counts until its response is closed.
   * @throws ProblemError `overloaded`, or `body_too_large` by its announced length.
   */
  admit(contentLength: string | undefined, response: ServerResponse): void;
  bytes(): number;
}

/** Counts the bytes of requests in work. A body of unknown length counts as the largest. */
export function createAdmission(maxBytes = IN_FLIGHT_MAX_BYTES): Admission {
  let inFlight = 0;
  return {
    admit(contentLength, response) {
      const bytes = contentLength === undefined ? BODY_LIMITS.bytes : Number(contentLength);
      if (bytes > BODY_LIMITS.bytes) {
        throw refusal("body_too_large", `${bytes} bytes: must be at most ${BODY_LIMITS.bytes}`);
      }
      if (inFlight + bytes > maxBytes) throw refusal("overloaded", "too many bytes are in work");
      inFlight += bytes;
      response.once("close", () => (inFlight -= bytes));
    },
    bytes: () => inFlight,
  };
}
