import { formatUnits, splitAtScale, trimDecimal } from "@quarterpast/domain";
import type { Provided, ShownInstance } from "../../storefront.js";
import type { Answer } from "./call.js";
import { RESULT_CODES, STOREFRONT_LIMITS } from "./resultCodes.js";
import { encryptSensitive, SENSITIVE_CHARS, type EncryptionType } from "./sensitive.js";
import { formatDigits } from "./times.js";

/** Decimals of usageValue. */
const DECIMALS = 4;

/** How to write an answer. */
export interface AnswerStyle {
  version: "v1" | "v2";
  key: string;
  /** Undefined: userName and password are sent in plain text. */
  encryption: EncryptionType | undefined;
  letters: (count: number) => string;
}

/**
 * Writes an answer as JSON in ASCII: other characters as \uXXXX, as required for the memo (koogallery.md 3.2).
 * Quantities are decimal text inside and JSON numbers here, with the same digits.
 */
export function writeAnswer(answer: Answer, style: AnswerStyle): string {
  const { code, instanceId, provided, instances } = answer;
  const mark = `#${style.letters(16)}#`;
  const tree = {
    resultCode: code,
    resultMsg: (answer.message ?? RESULT_CODES[code].en).slice(0, STOREFRONT_LIMITS.resultMessageChars),
    ...(style.encryption !== undefined && (provided ?? instances) && { encryptType: style.encryption }),
    ...(instanceId !== undefined && { instanceId }),
    // In V2.0 the marketplace gets the addresses by queryInstance.
    ...(provided && style.version === "v1" && { appInfo: writeApp(provided, style) }),
    ...(instances && { info: instances.map((one) => writeInfo(one, style, mark)) }),
  };
  const written = JSON.stringify(tree);
  const exact = written.replace(new RegExp(`"${mark}([\\d.]+)"`, "g"), "$1");
  return exact.replace(
    /[\u0080-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether a number is written with exactly these digits. */
const isNumber = (decimal: string): boolean => String(Number(decimal)) === decimal;

/** A quantity cut to the decimals that the marketplace shows (koogallery.md 3.2). */
function shownValue(quantity: string): string {
  return trimDecimal(formatUnits(splitAtScale(quantity, DECIMALS).billable, DECIMALS));
}

/** A number that JSON would write differently is embedded as text between marks, which are then removed. */
function writeNumber(decimal: string, mark: string): number | string {
  return isNumber(decimal) ? Number(decimal) : mark + decimal;
}

function writeInfo({ instanceId, provided, usage }: ShownInstance, style: AnswerStyle, mark: string) {
  const appInfo = writeApp(provided, style);
  const usageInfo = usage.map(({ relatedInstanceId, quantity, at, dashboardUrl }) => ({
    ...(relatedInstanceId !== undefined && { relatedInstanceId }),
    usageValue: writeNumber(shownValue(quantity), mark),
    statisticalTime: formatDigits(at),
    ...(dashboardUrl !== undefined && { dashboardUrl }),
  }));
  return {
    instanceId,
    ...(Object.keys(appInfo).length > 0 && { appInfo }),
    ...(usageInfo.length > 0 && { usageInfo }),
  };
}

function writeApp({ frontEndUrl, adminUrl, userName, password, memo }: Provided, style: AnswerStyle) {
  const secret = (value: string | undefined) => (value === undefined ? undefined : sensitive(value, style));
  return dropUndefined({
    frontEndUrl: frontEndUrl?.slice(0, STOREFRONT_LIMITS.urlChars),
    adminUrl: adminUrl?.slice(0, STOREFRONT_LIMITS.urlChars),
    userName: secret(userName),
    password: secret(password),
    memo: memo?.slice(0, STOREFRONT_LIMITS.memoChars),
  });
}

/** Left out if too long: the marketplace would show the instance as opening forever (koogallery.md 9). */
function sensitive(value: string, { key, encryption, letters }: AnswerStyle): string | undefined {
  const written = encryption === undefined ? value : encryptSensitive(key, encryption, letters(16), value);
  return written.length <= SENSITIVE_CHARS ? written : undefined;
}

function dropUndefined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The answer as stored: a customer's credentials stay out of the log of calls. */
export function maskAnswer(written: string): string {
  return written.replace(/"(userName|password)":"(?:[^"\\]|\\.)*"/g, '"$1":"(hidden)"');
}
