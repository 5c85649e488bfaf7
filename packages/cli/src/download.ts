import { parseJson, refusal, search, unreachable, type Query } from "./api.js";
import type { Stack } from "@quarterpast/stack/find";

/**
 * What the api streams under a path, as it comes. Ends with a CliError where it refuses, does not answer, or breaks
 * off: a stream that ends is whole.
 */
export async function* download(
  { apiUrl, apiKey }: Pick<Stack, "apiUrl" | "apiKey">,
  path: string,
  query: Query = {},
): AsyncGenerator<Buffer> {
  let answer: Response;
  try {
    const headers = { authorization: `Bearer ${apiKey}` };
    answer = await fetch(apiUrl + path + search(query), { headers, redirect: "error" });
    if (answer.ok && answer.body) {
      for await (const { buffer, byteOffset, byteLength } of answer.body)
        yield Buffer.from(buffer, byteOffset, byteLength);
      return;
    }
  } catch (error) {
    throw unreachable(apiUrl, error);
  }
  throw refusal(apiUrl, answer.status, parseJson(await answer.text()));
}

/** The lines of a stream; a line ends with a line feed and nothing else. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = chunk.toString("latin1").split("\n");
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    yield lines;
  }
  if (rest !== "") yield [rest];
}
