import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { DialTests } from "./dialTests.js";

const text = z.string().max(2_000);
const runSchema = z.object({
  /** The slot that `GET` returned as due. */
  slot: z.iso.datetime(),
  results: z
    .array(
      z.object({
        ...{ version: text, mode: text, name: text },
        problems: z.array(z.object({ en: text, zh: text })).max(50),
      }),
    )
    .min(1)
    .max(1_000),
});

export type DialRoutes = { dialTests: DialTests; sellerUrl: string };

/**
 * Adds the dial tests: `GET` returns what is due, the address to test, and the results of earlier runs; `POST` stores
 * the result of the run that is due. The cases themselves are run by the command, which has their only
 * implementation.
 */
export function addDialTests(app: FastifyInstance, { dialTests, sellerUrl }: DialRoutes): void {
  const view = () => ({
    seller: sellerUrl,
    due: dialTests.due(),
    failingDays: dialTests.failingDays(),
    hidden: dialTests.isHidden(),
    runs: dialTests.runs(),
  });
  app.get("/sandbox/dial-tests", view);
  app.post("/sandbox/dial-tests", async ({ body }, reply) => {
    const { slot, results } = runSchema.parse(body);
    const failed = results
      .filter(({ problems }) => problems.length > 0)
      .map(({ version, mode, name, problems }) => ({ version, mode, name, problems }));
    if (await dialTests.note({ slot, cases: results.length, failed })) return view();
    return reply
      .code(409)
      .send({ error: `slot ${slot} is not due; expected: ${dialTests.due() ?? "none now"}` });
  });
}
