import { createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createSandbox, type Sandbox, type SandboxOptions } from "../src/koogallery/index.js";

export const KEY = "testAccessKey-0001";
export const PATH = "/api/mkp-openapi-public/global/v1/isv/usage-data";
export const NOON = "2026-03-10T12:05:00Z";

export type Rec = Record<string, string>;
export type Reply = { status: number; code: string | undefined; json: any; text: string; headers: Headers };

/** Written by hand from the specification, 1.3. */
export function sign(body: string, ts: string, nonce: string, key = KEY): string {
  return createHmac("sha256", key).update(`ts=${ts}&nonce=${nonce}&body=${body}`, "utf8").digest("base64");
}

/** A record of the hour before NOON. */
export function rec(changes: Rec = {}): Rec {
  return {
    begin_time: "20260310T110000Z",
    end_time: "20260310T120000Z",
    instance_id: "inst-1",
    metering_sn: randomUUID(),
    record_time: "20260310T120100Z",
    usage_value: "1.5",
    ...changes,
  };
}

export async function send(box: Sandbox, body: string, headers: Rec = {}): Promise<Reply> {
  const ts = headers["ts"] ?? String(Date.now());
  const nonce = headers["nonce"] ?? randomUUID();
  const signature = sign(body, ts, nonce);
  const all = { "content-type": "application/json", signature, ts, nonce, ...headers };
  const kept = Object.entries(all).filter(([, value]) => value !== "-");
  const response = await fetch(box.url + PATH, {
    method: "POST",
    body,
    headers: Object.fromEntries(kept),
    redirect: "manual",
    signal: AbortSignal.timeout(5000),
  });
  return replyOf(response);
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  let json: any = null;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  return { status: response.status, code: json?.error_code, json, text, headers: response.headers };
}

export const push = (box: Sandbox, ...records: unknown[]) =>
  send(box, JSON.stringify({ usage_records: records }));

/** A sandbox whose product clock is stopped at NOON. */
export async function boxAt(start: string = NOON, options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const box = await createSandbox({ key: KEY, validationDelayMs: 0, ...options });
  onTestFinished(() => box.close());
  await box.setClock({ start, rate: 0 });
  return box;
}

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "sandbox-test-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export async function get(box: Sandbox, path: string, init: RequestInit = {}): Promise<any> {
  const response = await fetch(box.url + path, init);
  return response.json();
}

export const put = (box: Sandbox, path: string, body: unknown) =>
  fetch(box.url + path, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** State and code of the records, in the order of acceptance. */
export function states(box: Sandbox): string[] {
  return box.store.records().map(({ state, error_code }) => (error_code ? `${state} ${error_code}` : state));
}
