import type { ApiError } from "@quarterpast/contract";
import { CliError, EXIT } from "./exit.js";

/** The error that ends the command after a failed call of the api. */
export function cliErrorOf(error: ApiError): CliError {
  const { url, failure } = error;
  switch (failure.kind) {
    case "refused": {
      const { code, title, detail, zh } = failure.problem;
      const exit = failure.status >= 500 ? EXIT.noStack : EXIT.refused;
      return new CliError(exit, {
        en: `${detail ?? title} (${code})`,
        zh: `${zh?.detail ?? zh?.title ?? detail ?? title}（${code}）`,
      });
    }
    case "foreign":
      return new CliError(EXIT.failed, {
        en: `${url} answered ${failure.status} with something other than an answer of the api: check the address`,
        zh: `${url} 返回 ${failure.status}，内容不是 api 的应答：请检查地址`,
      });
    case "unreachable":
      return new CliError(
        EXIT.noStack,
        {
          en: `the api at ${url} does not answer (${failure.why}): is the stack running? start it with "quarterpast up"`,
          zh: `${url} 的 api 没有应答（${failure.why}）：系统是否在运行？请用 "quarterpast up" 启动`,
        },
        error,
      );
  }
}
