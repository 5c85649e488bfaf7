import {
  encryptSensitive,
  RESULT_CODES,
  SENSITIVE_CHARS,
  STOREFRONT_LIMITS,
  type EncryptionType,
} from "@quarterpast/marketplace";
import type { Provided } from "@quarterpast/store";
import type { Answer, InstanceInfo } from "../commands.js";

/** How an answer is written. */
export interface AnswerStyle {
  version: "v1" | "v2";
  key: string;
  /** Undefined: userName and password go out plain. */
  encryption: EncryptionType | undefined;
  letters: (count: number) => string;
}

/**
 * Writes an answer as JSON in ASCII: other characters as \uXXXX, as the memo must be (koogallery.md 3.2).
 * Quantities are decimal text inside and JSON numbers here, digit by digit.
 */
export function writeAnswer(answer: Answer, style: AnswerStyle): string {
  const { code, instanceId, app, info } = answer;
  const mark = info?.some(({ usage }) => usage.some(({ usageValue }) => !isNumber(usageValue)))
    ? `#${style.letters(16)}#`
    : "";
  const tree = {
    resultCode: code,
    resultMsg: (answer.message ?? RESULT_CODES[code].en).slice(0, STOREFRONT_LIMITS.resultMessageChars),
    ...(style.encryption !== undefined && (app ?? info) && { encryptType: style.encryption }),
    ...(instanceId !== undefined && { instanceId }),
    // V2.0 asks for the addresses by queryInstance.
    ...(app && style.version === "v1" && { appInfo: writeApp(app, style) }),
    ...(info && { info: info.map((one) => writeInfo(one, style, mark)) }),
  };
  const written = JSON.stringify(tree);
  const exact = mark === "" ? written : written.replace(new RegExp(`"${mark}([\\d.]+)"`, "g"), "$1");
  return exact.replace(
    /[\u0080-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether a number is written with just these digits. */
const isNumber = (decimal: string): boolean => String(Number(decimal)) === decimal;

function writeInfo({ instanceId, app, usage }: InstanceInfo, style: AnswerStyle, mark: string) {
  const appInfo = writeApp(app, style);
  return {
    instanceId,
    ...(Object.keys(appInfo).length > 0 && { appInfo }),
    ...(usage.length > 0 && {
      usageInfo: usage.map((one) => ({
        ...one,
        usageValue: isNumber(one.usageValue) ? Number(one.usageValue) : mark + one.usageValue,
      })),
    }),
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

/** Left out where it is too long: the marketplace would show the instance as opening for ever (koogallery.md 9). */
function sensitive(value: string, { key, encryption, letters }: AnswerStyle): string | undefined {
  const written = encryption === undefined ? value : encryptSensitive(key, encryption, letters(16), value);
  return written.length <= SENSITIVE_CHARS ? written : undefined;
}

function dropUndefined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The answer as it is kept: credentials of a customer stay out of the log of calls. */
export function maskAnswer(written: string): string {
  return written.replace(/"(userName|password)":"(?:[^"\\]|\\.)*"/g, '"$1":"(hidden)"');
}
