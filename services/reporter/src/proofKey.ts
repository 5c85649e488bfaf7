import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmod, link, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { proofKeyId, proofKeyLine, publicKeyOf } from "@quarterpast/domain";

/** The key that signs manifests; its private half is only on this machine, never in the database. */
export interface ProofKey {
  privateKey: KeyObject;
  /** 32 bytes in hex. */
  publicKey: string;
  keyId: string;
}

/** The file for auditors. */
export const PUBLIC_KEY_FILE = "proof-key.json";

/**
 * Reads the Ed25519 key of a file (PEM, PKCS #8); if there is none, creates one there, readable only by its owner.
 */
export async function openProofKey(file: string): Promise<ProofKey> {
  await mkdir(dirname(file), { recursive: true });
  const pem = (await readIfThere(file)) ?? (await makeKey(file));
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== "ed25519") {
    throw new Error(`${file} holds a key of type ${privateKey.asymmetricKeyType}; an Ed25519 key is needed`);
  }
  const publicKey = publicKeyOf(privateKey);
  return { privateKey, publicKey, keyId: proofKeyId(publicKey) };
}

/** Writes the public half beside the proofs. */
export async function writePublicKey(dir: string, { publicKey }: ProofKey): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, PUBLIC_KEY_FILE), `${proofKeyLine(publicKey)}\n`);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Written completely or not at all, and never over a key that another process has just created. */
async function makeKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const draft = `${file}.${process.pid}.new`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(privateKey.export({ type: "pkcs8", format: "pem" }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(draft, 0o600);
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await rm(draft);
  return readFile(file, "utf8");
}
