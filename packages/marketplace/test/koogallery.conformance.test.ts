import { reservePort } from "@quarterpast/stack/servers";
import { parseCompact, serialNumber } from "@quarterpast/domain";
import { openMarketplace, type OpenSettings } from "./open.js";
import { describeAdapter, type ConformanceServer } from "./conformance.js";
import { secret } from "../src/secret.js";
import {
  answering,
  FAULTS,
  oldPush,
  startFakeKooGallery,
  type Fault,
  type FakeKooGallery,
} from "./fakeKooGallery.js";

const KEY = "conformance-Key-0001";
const BEHAVIOURS: Record<Parameters<ConformanceServer["next"]>[0], Fault> = {
  hang: () => {},
  accept_then_hang: FAULTS.acceptThenHang,
  accept_then_cut: FAULTS.acceptThenCut,
  accept_then_5xx: FAULTS.acceptThenBroken,
  garbage: answering(200, "<html>success</html>"),
  throttle: answering(406, '{"error_code":"CBC. 0250","error_msg":"slow down"}', { "retry-after": "7" }),
  huge: FAULTS.huge,
  redirect: answering(307, "", { location: "/elsewhere" }),
};

describeAdapter("koogallery, new push", {
  start: async () => kitOf(await startFakeKooGallery(KEY), (key) => ({ key })),
});

const AK = "conformance-AK";
/** The suite's own name for a record, from the fields of the old push. */
const nameOf = (record: Record<string, string>) =>
  serialNumber({
    account: "a",
    instance: record["instance_id"]!,
    begin: parseCompact(record["begin_time"]!)!,
    end: parseCompact(record["end_time"]!)!,
    part: "0",
  });

describeAdapter("koogallery, old push", {
  start: async () =>
    kitOf(await startFakeKooGallery(oldPush(AK, KEY, nameOf)), (sk) => ({
      key: "never-used",
      push: "old",
      accessKey: () => ({ ak: AK, sk: secret(sk) }),
    })),
});

async function kitOf(
  fake: FakeKooGallery,
  keyed: (key: string) => Pick<OpenSettings, "key" | "push" | "accessKey">,
) {
  const refusing = `http://127.0.0.1:${await reservePort()}`;
  const adapterOf = (key: string, baseUrl: string, fallbackHosts: string[] = []) =>
    openMarketplace({
      ...keyed(key),
      baseUrl,
      fallbackHosts,
      timeouts: { connectMs: 900, headersMs: 900, totalMs: 900 },
    });
  return {
    server: serverOf(fake),
    adapter: adapterOf(KEY, fake.url),
    stranger: adapterOf("another-Key-0002", fake.url),
    rerouted: adapterOf(KEY, refusing, [fake.url]),
    key: KEY,
  };
}

function serverOf(fake: FakeKooGallery): ConformanceServer {
  return {
    filed: () => fake.filed,
    bodies: () => fake.received.map((call) => call.body),
    next: (behaviour) => void fake.faults.push(BEHAVIOURS[behaviour]),
    poison: (serialNumber) => void fake.poison.add(serialNumber),
    close: fake.close,
  };
}
