import { parseStrict } from "@quarterpast/domain";
import type { FastifyInstance } from "fastify";
import { refusal } from "./refuse.js";

/** Reads JSON bodies as the collector does: refuses a key that is named twice, and nesting without a limit. */
export function readStrictJson(scope: FastifyInstance): void {
  // Refuses keys that would reach into prototypes, and says what is wrong with text that is not JSON.
  const parse = scope.getDefaultJsonParser("error", "error");
  scope.removeContentTypeParser("application/json");
  scope.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body);
    const strict = parseStrict(text);
    if (strict.ok || text === "") return parse(request, text, done);
    const { code, detail } = strict.problem;
    done(refusal(code, { en: `The body: ${detail}`, zh: `请求体：${strict.zh}` }));
  });
}
