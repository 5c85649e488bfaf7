import { bodySign } from "../storefront/sign.js";
import type { Text } from "@quarterpast/domain";
import type { DebugCase, Reply, Session } from "./cases.js";

/** An answer, unparsed. */
export interface RawAnswer {
  status: number;
  contentType: string;
  bodySign: string | null;
  body: string;
  durationMs: number;
}

/** The marketplace gives up after this long (koogallery.md 3). */
export const TIME_LIMIT_MS = 5_000;

const problem = (en: string, zh: string): Text => ({ en, zh });

/** Everything that the console would find wrong with an answer (koogallery.md 5). */
export function checkAnswer(
  answer: RawAnswer,
  debugCase: DebugCase,
  session: Session,
  key: string,
): { reply: Reply | undefined; problems: Text[] } {
  const problems = checkOutside(answer, debugCase, key);
  const reply = parse(answer.body);
  if (!reply)
    return {
      reply,
      problems: [...problems, problem("the body is not a JSON object", "响应体不是 JSON 对象")],
    };
  return { reply, problems: [...problems, ...checkResult(reply), ...checkWanted(reply, debugCase, session)] };
}

function checkOutside(answer: RawAnswer, { version }: DebugCase, key: string): Text[] {
  const problems: Text[] = [];
  if (answer.status !== 200)
    problems.push(problem(`HTTP status ${answer.status}`, `HTTP 状态码 ${answer.status}`));
  if (answer.durationMs > TIME_LIMIT_MS) problems.push(problem("slower than 5 s", "响应超过 5 秒"));
  if (answer.contentType.split(";")[0]!.trim() !== "application/json") {
    problems.push(
      problem(
        `content type ${answer.contentType || "(none)"}, not application/json`,
        `Content-Type 为 ${answer.contentType || "（无）"}，应为 application/json`,
      ),
    );
  }
  if (version === "v1" && answer.bodySign !== bodySign(key, answer.body)) {
    problems.push(
      answer.bodySign === null
        ? problem("header Body-Sign is missing", "缺少响应头 Body-Sign")
        : problem("Body-Sign is not right over this body", "Body-Sign 与响应体不符"),
    );
  }
  return problems;
}

function checkResult({ resultCode, resultMsg }: Reply): Text[] {
  const problems: Text[] = [];
  if (resultCode !== "000000") {
    const told = typeof resultCode === "string" ? resultCode : "(none)";
    problems.push(
      problem(`resultCode ${told}: ${String(resultMsg)}`, `resultCode ${told}：${String(resultMsg)}`),
    );
  }
  if (typeof resultMsg !== "string") problems.push(problem("resultMsg is missing", "缺少 resultMsg"));
  return problems;
}

function checkWanted(reply: Reply, { wants, repeats, version }: DebugCase, session: Session): Text[] {
  switch (wants) {
    case "result":
      return [];
    case "info":
      return checkInfo(reply);
    case "instance": {
      const problems: Text[] = [];
      const { instanceId, appInfo } = reply;
      if (!isText(instanceId, 64)) problems.push(missing("instanceId"));
      if (repeats && instanceId !== session.instanceId) {
        problems.push(problem("another instanceId than before", "instanceId 与首次不同"));
      }
      // In V2.0 the addresses come from queryInstance.
      if (version === "v1" && !isText((appInfo as Reply | undefined)?.["frontEndUrl"], 512)) {
        problems.push(missing("appInfo.frontEndUrl"));
      }
      return problems;
    }
  }
}

function checkInfo({ info }: Reply): Text[] {
  const list = Array.isArray(info) ? (info as Reply[]) : [];
  if (list.length === 0) return [missing("info")];
  return list.flatMap(({ instanceId, usageInfo = [] }) => [
    ...(isText(instanceId, 64) ? [] : [missing("info.instanceId")]),
    ...(usageInfo as Reply[]).flatMap(({ usageValue, statisticalTime }) => [
      ...(Number.isFinite(usageValue) ? [] : [missing("usageInfo.usageValue")]),
      ...(/^\d{17}$/.test(String(statisticalTime)) ? [] : [missing("usageInfo.statisticalTime")]),
    ]),
  ]);
}

const missing = (field: string) => problem(`${field} is missing or wrong`, `缺少 ${field} 或其值无效`);

function isText(value: unknown, most: number): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= most;
}

function parse(body: string): Reply | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Reply) : undefined;
  } catch {
    return undefined;
  }
}
