/** Parameters by name, decoded once; undefined if the query is malformed or names one twice. */
export type Parameters = ReadonlyMap<string, string>;

const MAX_PARAMETERS = 100;

/**
 * Both readings of a query string: a plus as a blank, as in forms, and a literal plus, as in an address typed by
 * hand. A token proves which one was meant (koogallery.md 9.5).
 */
export function readQuery(query: string): Parameters[] {
  const readings = [query.replaceAll("+", " "), query].map(decode).filter((one) => one !== undefined);
  return query.includes("+") ? readings : readings.slice(0, 1);
}

function decode(query: string): Parameters | undefined {
  const parameters = new Map<string, string>();
  const pairs = query.split("&").filter((pair) => pair !== "");
  if (pairs.length > MAX_PARAMETERS) return undefined;
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const [rawName, rawValue] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    try {
      const name = decodeURIComponent(rawName);
      if (parameters.has(name)) return undefined;
      parameters.set(name, decodeURIComponent(rawValue));
    } catch {
      return undefined;
    }
  }
  return parameters;
}
