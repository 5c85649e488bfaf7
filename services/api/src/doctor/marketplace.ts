import type { ProbeResult } from "@quarterpast/marketplace";
import type { RouteDeps } from "../server.js";
import { ill, run, well, type Check, type Checked, type Finding } from "./check.js";

const PROBE_MS = 6_000;
const SKEW_MS = 2_000;

const marketplace = { name: "marketplace", title: { en: "Marketplace and key", zh: "云商店与密钥" } };
const skew = {
  name: "clock_skew",
  title: { en: "Our clock against the marketplace's", zh: "与云商店的时钟偏差" },
};

/** The marketplace answers, takes our key, and has the same time: one call that files nothing. */
export async function examineMarketplace(deps: RouteDeps): Promise<Checked[]> {
  const probed = deps.client.probe(AbortSignal.timeout(PROBE_MS));
  const both: Check[] = [
    { ...marketplace, look: async () => reachable(await probed, deps) },
    { ...skew, look: async () => skewed(await probed) },
  ];
  return Promise.all(both.map((check) => run(check, deps)));
}

function reachable(
  { reachable, key, code, evidence: { host } }: ProbeResult,
  { profile }: RouteDeps,
): Finding {
  const meaning = profile.meaningOf(code) ?? { en: code, zh: code };
  if (!reachable) {
    return ill(
      {
        en: `${host} does not answer as a marketplace: ${code}, ${meaning.en}`,
        zh: `${host} 未按云商店接口应答：${code}，${meaning.zh}`,
      },
      {
        en: "Check MARKETPLACE_URL, the network and the firewall; records wait and go out by themselves",
        zh: "请检查 MARKETPLACE_URL、网络与防火墙；话单会等待并自动上报",
      },
    );
  }
  if (key === "wrong") {
    return ill(
      {
        en: `${host} refuses our key: ${code}, ${meaning.en}`,
        zh: `${host} 拒绝了我们的密钥：${code}，${meaning.zh}`,
      },
      {
        en: `Set ${profile.keySettings.en} and restart`,
        zh: `请${profile.keySettings.zh}并重启`,
      },
    );
  }
  return key === "right"
    ? well(`${host} answers and takes our key`, `${host} 正常应答，密钥有效`)
    : well(
        `${host} answers; it did not tell whether the key is right (${code})`,
        `${host} 正常应答，但未说明密钥是否有效（${code}）`,
      );
}

function skewed({ evidence }: ProbeResult): Finding {
  const offset = evidence.serverDateOffsetMs;
  if (offset === undefined) return well("not told by the marketplace", "云商店未告知");
  const seconds = (offset / 1000).toFixed(1);
  const found = {
    en: `marketplace's clock less ours: ${seconds} s`,
    zh: `云商店时钟减本机时钟：${seconds} 秒`,
  };
  if (Math.abs(offset) <= SKEW_MS) return { ok: true, found, advice: null };
  return ill(found, {
    en: "It is corrected when signing; still, let NTP set the host's clock",
    zh: "签名时已自动校正；仍请用 NTP 校准主机时间",
  });
}
