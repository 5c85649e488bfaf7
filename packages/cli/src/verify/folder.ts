import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import {
  checkAnchors,
  createHourVerifier,
  createRun,
  readProofKeys,
  type Finding,
  type HourVerdict,
  type Run,
} from "@quarterpast/domain";

/** The source of exported hours, public key and anchors. */
export interface ProofFolder {
  /** Names in `hours/`. */
  hours(): Promise<string[]>;
  /** Undefined if there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  stream(path: string): AsyncIterable<Buffer>;
}

/** A folder of the file system; relative paths are inside it. */
export function openFolder(dir: string): ProofFolder {
  const within = (path: string) => (isAbsolute(path) ? path : join(dir, path));
  return {
    hours: () => readdir(within("hours")),
    read: (path) =>
      readFile(within(path)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      }),
    stream: (path) => createReadStream(within(path), { highWaterMark: 1 << 20 }),
  };
}

export interface FolderOptions {
  keyFile?: string | undefined;
  anchorFile?: string | undefined;
  /** Verifies only these hours (compact); by default all there are, and none may be missing. */
  wanted?: ((hour: string) => boolean) | undefined;
  onHour?: (verdict: HourVerdict) => void;
}

export interface FolderVerdict {
  hours: HourVerdict[];
  findings: Finding[];
}

const EXPORT_NAME = /^(\d{8}T\d{2}0000Z)-(.+)\.ndjson$/;

/** Verifies exported hours, without a ledger: bytes, chain, roots, sums, manifests, signatures and anchors. */
export async function verifyFolder(folder: ProofFolder, options: FolderOptions = {}): Promise<FolderVerdict> {
  const keys = readProofKeys(linesOf(await folder.read(options.keyFile ?? "proof-key.json")));
  const findings: Finding[] = keys ? [] : [{ code: "unknown_key", hour: "", where: "key file" }];
  const runs = new Map<string, Run>();
  const hours: HourVerdict[] = [];
  for (const name of (await folder.hours()).sort()) {
    const [, hour, code] = EXPORT_NAME.exec(name) ?? [];
    if (hour === undefined || (options.wanted && !options.wanted(hour))) continue;
    const account = decodeURIComponent(code!);
    const run = runs.get(account) ?? createRun();
    runs.set(account, run);
    const verifier = createHourVerifier(
      { account, hour },
      { run, keys: keys ?? new Map(), isExport: true, depth: "events" },
    );
    const sha256 = await eachLine(folder.stream(`hours/${name}`), (line) => verifier.line(line));
    const verdict = verifier.finish();
    const beside = (await folder.read(`hours/${name}.sha256`))?.toString("latin1");
    if (beside !== `${sha256}  ${name}\n`) verdict.findings.push({ code: "file_hash", hour, where: name });
    hours.push(verdict);
    findings.push(...verdict.findings);
    options.onHour?.(verdict);
  }
  const anchors = linesOf(await folder.read(options.anchorFile ?? "anchors.ndjson"));
  findings.push(...checkAnchors(anchors, hours, options.wanted === undefined));
  return { hours, findings };
}

/** All lines; text after the last line end counts as a line. */
function linesOf(bytes: Buffer | undefined): string[] {
  const lines = (bytes ?? Buffer.alloc(0)).toString("latin1").split("\n");
  if (lines.at(-1) === "") lines.pop();
  else lines.push("");
  return lines;
}

/** Feeds lines one by one; only a line feed ends a line. @returns SHA-256 over all bytes. */
async function eachLine(chunks: AsyncIterable<Buffer>, take: (line: string) => void): Promise<string> {
  const hash = createHash("sha256");
  let rest = "";
  for await (const chunk of chunks) {
    hash.update(chunk);
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
  return hash.digest("hex");
}
