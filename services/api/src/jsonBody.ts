import { ERRORS, parseStrict } from "@quarterpast/domain";
import type { FastifyInstance } from "fastify";
import { refusal } from "./refuse.js";

/** No body of ours goes half as deep. */
const DEPTH = 16;

/** Reads JSON bodies as the collector does: a key that is named twice, or nesting without end, is refused. */
export function readStrictJson(scope: FastifyInstance): void {
  // It refuses what would reach into prototypes, and says what is wrong with text that is no JSON.
  const parse = scope.getDefaultJsonParser("error", "error");
  scope.removeContentTypeParser("application/json");
  scope.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body);
    const strict = parseStrict(text, DEPTH);
    if (strict.ok || text === "") return parse(request, text, done);
    const { code, detail } = strict.problem;
    const { zh } = ERRORS[code].title;
    const what = strict.key === undefined ? detail : strict.key;
    done(refusal(code, { en: detail, zh: `${zh}：${what}` }));
  });
}
