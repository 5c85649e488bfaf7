import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { BODY_LIMITS } from "./body.js";
import { refusal } from "./problems.js";

/** Undoes a content encoding. */
export type Unpack = (body: Buffer) => Promise<Buffer>;

const UNPACK: Record<string, typeof gunzip> = { gzip: gunzip, "x-gzip": gunzip, deflate: inflate };

/**
 * What undoes the content encoding that a header names; undefined for a body that goes as it is. What it gives is never
 * larger than a body may be, whatever the packed one says.
 * @throws ProblemError `unsupported_media_type` for another encoding, or several.
 */
export function unpackerOf(encoding: string | undefined): Unpack | undefined {
  const name = (encoding ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return undefined;
  const undo = Object.hasOwn(UNPACK, name) ? promisify(UNPACK[name]!) : undefined;
  if (!undo) {
    const known = Object.keys(UNPACK).join(", ");
    throw refusal("unsupported_media_type", `content-encoding ${encoding}: must be one of ${known}, or none`);
  }
  return async (body) => {
    try {
      return await undo(body, { maxOutputLength: BODY_LIMITS.bytes });
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE")
        throw refusal("body_too_large", `more than ${BODY_LIMITS.bytes} bytes once unpacked`);
      throw refusal("bad_request", `content-encoding ${name}: the body is not packed so`);
    }
  };
}
