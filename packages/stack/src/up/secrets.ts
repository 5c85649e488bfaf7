import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Micros } from "@quarterpast/domain";
import { createKey, hashToken, listKeys, liveKeys, type Db } from "@quarterpast/store";
import { z } from "zod";
import { writePrivateFile } from "./files.js";

const schema = z.object({
  apiKey: z.string().regex(/^qp_[0-9a-f]{8}_[0-9a-f]{32,}$/),
  sandboxKey: z.string().min(1),
});

/** A data directory's secrets: the operator's key for the api, the seller's key for the sandbox. */
export type Secrets = z.output<typeof schema>;

function newToken(): string {
  return `qp_${randomBytes(4).toString("hex")}_${randomBytes(24).toString("hex")}`;
}

/** Reads the secrets of a data directory, or creates them: the same at every start. */
export function keepSecrets(file: string): Secrets {
  const kept = schema.safeParse(readJson(file));
  if (kept.success) return kept.data;
  const secrets = { apiKey: newToken(), sandboxKey: randomBytes(24).toString("hex") };
  writeSecrets(file, secrets);
  return secrets;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function writeSecrets(file: string, secrets: Secrets): void {
  writePrivateFile(file, `${JSON.stringify(secrets, null, 2)}\n`);
}

/**
 * Makes sure that the operator's key is valid.
 * @returns the secrets, with a new key if the stored one was revoked.
 */
export async function ensureOperatorKey(
  db: Db,
  { file, secrets, now }: { file: string; secrets: Secrets; now: Micros },
): Promise<Secrets> {
  const hash = hashToken(secrets.apiKey);
  if ((await liveKeys(db)).some((key) => key.secretSha256.equals(hash))) return secrets;
  const isTaken = (await listKeys(db)).some((key) => key.keyId === keyIdOf(secrets.apiKey));
  const current = isTaken ? { ...secrets, apiKey: newToken() } : secrets;
  if (isTaken) writeSecrets(file, current);
  const token = current.apiKey;
  await createKey(db, { keyId: keyIdOf(token), name: "quarterpast up", role: "operator", token }, now);
  return current;
}

function keyIdOf(token: string): string {
  return token.split("_")[1]!;
}
