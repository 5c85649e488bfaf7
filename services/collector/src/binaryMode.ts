import type { IncomingHttpHeaders } from "node:http";

// The binary mode of the CloudEvents HTTP binding, version 1.0: `data` is the body, each attribute a header.

const PREFIX = "ce-";

/** Whether a request is one event in binary mode, the SDKs' default: its version is in a header. */
export function isBinary(headers: IncomingHttpHeaders, mediaType: string): boolean {
  return headers["ce-specversion"] !== undefined && !mediaType.startsWith("application/cloudevents");
}

/** The attributes that the headers carry, by name; `datacontenttype` is the content type. */
export function attributesOf(headers: IncomingHttpHeaders): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(PREFIX) && typeof value === "string")
      attributes[name.slice(PREFIX.length)] = decodeHeader(value);
  const type = headers["content-type"];
  return type === undefined ? attributes : { ...attributes, datacontenttype: type };
}

/**
 * Decodes a header's value: removes quotes, then decodes percent-encoded UTF-8 once. Node passes bytes above 0x7f one by
 * one, so unencoded UTF-8 is read too.
 */
function decodeHeader(value: string): string {
  const utf8 = Buffer.from(value, "latin1").toString("utf8");
  const text = utf8.includes("\ufffd") ? value : utf8;
  const quoted = /^"(.*)"$/s.exec(text);
  const plain = quoted ? quoted[1]!.replaceAll(/\\(.)/gs, "$1") : text;
  return plain.replaceAll(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
