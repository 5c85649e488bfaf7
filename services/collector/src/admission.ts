import type { ServerResponse } from "node:http";
import { BODY_LIMITS } from "./body.js";
import { refusal } from "./problems.js";

/** Bytes of requests that may be in progress at once; more are refused before memory, disk or Redis saturate. */
const IN_FLIGHT_MAX_BYTES = 64 * 1_048_576;

/** The requests in progress. */
export interface Admission {
  /**
   * Admits a request; it counts until its response is closed.
   * @throws ProblemError `overloaded`, or `body_too_large` by its announced length.
   */
  admit(contentLength: string | undefined, response: ServerResponse): void;
  bytes(): number;
}

/** Counts the bytes of requests in progress. A body of unknown length counts as the largest allowed. */
export function createAdmission(maxBytes = IN_FLIGHT_MAX_BYTES): Admission {
  let inFlight = 0;
  return {
    admit(contentLength, response) {
      const bytes = contentLength === undefined ? BODY_LIMITS.bytes : Number(contentLength);
      if (bytes > BODY_LIMITS.bytes) {
        throw refusal("body_too_large", `${bytes} bytes: must be at most ${BODY_LIMITS.bytes}`);
      }
      if (inFlight + bytes > maxBytes) throw refusal("overloaded", "too many bytes are in progress");
      inFlight += bytes;
      response.once("close", () => (inFlight -= bytes));
    },
    bytes: () => inFlight,
  };
}
