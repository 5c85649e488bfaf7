import { createCipheriv, createDecipheriv } from "node:crypto";
import { sha1prng } from "./sha1prng.js";

/** How sensitive fields are encrypted (koogallery.md 3.4); the number is the call's encryptType. */
export const ENCRYPTION_TYPES = { "1": 32, "2": 16 } as const;
export type EncryptionType = keyof typeof ENCRYPTION_TYPES;

/** The marketplace does not show a longer one, and the instance stays "opening" forever. */
export const SENSITIVE_CHARS = 128;

const IV_CHARS = 16;
const algorithmOf = (type: EncryptionType) => `aes-${ENCRYPTION_TYPES[type] * 8}-cbc`;
const keyOf = (accessKey: string, type: EncryptionType) => sha1prng(accessKey, ENCRYPTION_TYPES[type]);

/** Encrypts a field: the iv, then base64 of AES-CBC. @param iv 16 random letters and digits. */
export function encryptSensitive(accessKey: string, type: EncryptionType, iv: string, plain: string): string {
  const cipher = createCipheriv(algorithmOf(type), keyOf(accessKey, type), Buffer.from(iv, "utf8"));
  return iv + Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]).toString("base64");
}

/** Decrypts a field; undefined if it was not encrypted with this key. A blank in it was a plus originally. */
export function decryptSensitive(accessKey: string, type: EncryptionType, value: string): string | undefined {
  const whole = value.replaceAll(" ", "+");
  const [iv, sealed] = [whole.slice(0, IV_CHARS), whole.slice(IV_CHARS)];
  try {
    const decipher = createDecipheriv(algorithmOf(type), keyOf(accessKey, type), Buffer.from(iv, "utf8"));
    return Buffer.concat([decipher.update(sealed, "base64"), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
