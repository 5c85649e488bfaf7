import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { reservePort } from "@quarterpast/stack/servers";
import { addProduct, setClock } from "@quarterpast/store";
import { systemClock } from "@quarterpast/runtime";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { createService, type ServiceProcess } from "@quarterpast/testkit/services";
import {
  KEY,
  orderServer,
  signedV1,
  signedV2,
  SK,
  type FakeServer,
  type OrderedLine,
  type Reply,
} from "./kit.js";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../../packages/cli/dist/main.js", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./marketplace.sh", import.meta.url));
const clock = systemClock() as never;
/** QUARTERPAST_FUZZ_CALLS makes a long run; its result is written to QUARTERPAST_FUZZ_RESULT. */
const FUZZ_CALLS = Number(process.env.QUARTERPAST_FUZZ_CALLS ?? 2_000);
const FUZZ_RESULT = process.env.QUARTERPAST_FUZZ_RESULT;
const AT_ONCE = 50;

let ledger: Ledger;
let orders: FakeServer;
let lines: Map<string, OrderedLine>;
let dir: string;
let env: Record<string, string>;
let port: number;
let storefront: ServiceProcess;

beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  await setClock(ledger.pool, { realAnchor: Date.now() * 1_000, productAnchor: H, rate: 1 });
  lines = new Map();
  orders = await orderServer(lines);
  dir = mkdtempSync(join(tmpdir(), "quarterpast-storefront-"));
  writeFileSync(join(dir, "keys"), "newer-key\n");
  port = await reservePort();
  env = {
    ...{ DATABASE_URL: ledger.url, MARKETPLACE_KEY: KEY, MARKETPLACE_KEYS_FILE: join(dir, "keys") },
    ...{ ORDER_QUERY_URL: orders.url, ORDER_AK: "ak", ORDER_SK: SK },
  };
  storefront = createService("storefront", port, env, dir);
});
afterEach(async (context) => {
  await storefront.kill();
  await orders.close();
  await ledger.end(context.task.result?.state === "fail");
  rmSync(dir, { recursive: true, force: true });
});

const address = () => `${storefront.url}/koogallery`;
async function call(signed: { method: string; url: string; payload?: string }): Promise<Reply> {
  const { method, url, payload } = signed;
  const answer = await fetch(storefront.url + url, {
    method,
    ...(payload !== undefined && { body: payload }),
  });
  return (await answer.json()) as Reply;
}
const product = (productId: string) =>
  addProduct(
    ledger.pool,
    ledger.account.accountNo,
    {
      ...{ productId, mode: "pay_per_use", meter: "tokens", cycle: "hourly", resetRule: "none" },
      ...{ deductionOrder: 0, frontEndUrl: null, adminUrl: null, dashboardUrl: null, contents: [] },
    },
    H,
  );

describe("a running storefront", () => {
  beforeEach(() => storefront.start());

  test("refuses a replay after a restart too, and takes both keys", async () => {
    const body = { activity: "queryInstance", instanceId: "x", testFlag: "1" };
    const signed = signedV2(clock, body);
    expect((await call(signed)).resultCode).toBe("000000");
    await storefront.kill();
    await storefront.start();
    expect((await call(signed)).resultCode).toBe("000002");
    const asked = async (key: string) => (await call(signedV2(clock, body, { key }))).resultCode;
    expect(await asked("newer-key")).toBe("000000");
    // Without a restart: the file is read again, and content that is not a key ring changes nothing.
    writeFileSync(join(dir, "keys"), "newest-key\n");
    await vi.waitFor(async () => expect(await asked("newest-key")).toBe("000000"), 5_000);
    expect(await asked("newer-key")).toBe("000001");
    writeFileSync(join(dir, "keys"), "three words here\n");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([await asked("newest-key"), await asked(KEY)]).toEqual(["000000", "000000"]);
  });

  test("passes the self-test in every version and mode; with a wrong key none", async () => {
    const selftest = (key: string) =>
      run(process.execPath, [CLI, "selftest", "--url", address(), "--key", key, "--json"]).catch(
        (error: { code: number; stdout: string }) => error,
      );
    const passed = (await selftest(KEY)) as { code?: number; stdout: string };
    const results = JSON.parse(passed.stdout) as { version: string; mode: string; problems: object[] }[];
    expect(results.filter(({ problems }) => problems.length > 0)).toEqual([]);
    expect(new Set(results.map(({ version, mode }) => `${version} ${mode}`)).size).toBe(10);
    expect(passed.code).toBeUndefined();
    const failed = (await selftest("wrong")) as { code?: number; stdout: string };
    expect((JSON.parse(failed.stdout) as typeof results).every(({ problems }) => problems.length > 0)).toBe(
      true,
    );
    expect(failed.code).toBe(1);
  });

  test("answers a client of another hand: shell and openssl", async () => {
    const ask = async (version: string, text: string) =>
      JSON.parse((await run(SCRIPT, [version, address(), KEY, text])).stdout) as Reply;
    await product("P1");
    lines.set("CS1/CS1-000001", { products: ["P1"], mode: "ON_DEMAND" });
    const bought = await ask(
      "v2",
      '{"activity":"newInstance","businessId":"b-1","orderId":"CS1","orderLineId":"CS1-000001"}',
    );
    expect(bought).toMatchObject({ resultCode: "000000", instanceId: "b-1" });
    expect(await ask("v1", "activity=queryInstance&instanceId=b-1")).toMatchObject({ resultCode: "000000" });
    expect(await ask("v1", "activity=instanceStatus&instanceId=b-1&instanceStatus=FREEZE")).toMatchObject({
      resultCode: "000000",
    });
    expect(await ledger.rows("SELECT state FROM subscriptions")).toEqual([{ state: "suspended" }]);
  });

  test(
    "answers whatever comes with a result code and nothing else",
    async () => {
      const seed = Number(process.env.QUARTERPAST_SEED ?? 7);
      let state = seed;
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return (state >>> 8) % below;
      };
      const noise = () => String.fromCharCode(...Array.from({ length: random(40) }, () => random(0x3000)));
      const values = [null, 1, -0, true, [], {}, "", "1", "\0", "\ud800", "'; --", noise(), "x".repeat(600)];
      const names = ["activity", "orderId", "orderLineId", "businessId", "instanceId", "status", "testFlag"];
      const names2 = [
        ...names,
        "expireTime",
        "scene",
        "productInfo",
        "chargingMode",
        "customerId",
        "__proto__",
      ];
      const activities = [
        "newInstance",
        "queryInstance",
        "refreshInstance",
        "updateInstanceStatus",
        "upgrade",
      ];
      const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
      const codes = new Map<string, number>();
      const fuzz = async () => {
        const body: Record<string, unknown> = { activity: random(3) ? pick(activities) : pick(values) };
        for (let count = random(8); count > 0; count -= 1) body[pick(names2)] = pick(values);
        const fields = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]));
        const one = random(2) ? signedV2(clock, body) : signedV1(clock, fields);
        const broken = random(4) === 0 ? one.url.replace("signature=", noise()) : one.url;
        const url = broken.replace(/[^\x21-\x7e]/g, (sign) => encodeURIComponent(sign));
        const payload = "payload" in one ? (random(4) ? one.payload : noise() + one.payload) : undefined;
        const method = one.method;
        const answer = await fetch(storefront.url + url, {
          method,
          ...(payload !== undefined && { body: payload }),
        });
        const text = await answer.text();
        const told = `${method} ${url} ${payload}`.slice(0, 500);
        expect(answer.status, told).toBe(200);
        const { resultCode } = JSON.parse(text) as Reply;
        expect(resultCode, told).toMatch(/^00000[0-4]$/);
        codes.set(resultCode, (codes.get(resultCode) ?? 0) + 1);
        expect(text).not.toMatch(/\.js:\d+|node_modules|Error:/);
      };
      for (let done = 0; done < FUZZ_CALLS; done += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, fuzz));
      }
      expect(codes.size).toBeGreaterThan(2);
      if (FUZZ_RESULT !== undefined) {
        const told = {
          calls: FUZZ_CALLS,
          seed,
          codes: Object.fromEntries([...codes].sort()),
          wrongAnswers: 0,
        };
        writeFileSync(FUZZ_RESULT, `${JSON.stringify(told, null, 2)}\n`);
      }
    },
    60_000 + FUZZ_CALLS * 30,
  );
});
