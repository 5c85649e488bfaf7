import type { Micros, Text } from "@quarterpast/domain";
import { lastProbe, type Probe } from "@quarterpast/store";
import type { RouteDeps } from "../deps.js";
import { ill, well, type Check, type Finding } from "./check.js";

/** Three times the reporter's interval between two probes, in real time. */
const STALE: Micros = 180_000_000;
const SKEW_MS = 2_000;

const marketplace = { name: "marketplace", title: { en: "Marketplace and key", zh: "云商店与密钥" } };
const skew = {
  name: "clock_skew",
  title: { en: "Our clock compared with the marketplace's", zh: "与云商店的时钟偏差" },
};

/**
 * The marketplace answers, accepts our key, and has the same time: according to the reporter's last probe, because
 * only the reporter has the keys.
 */
export function marketplaceChecks({ pool, account }: RouteDeps): Check[] {
  const asked = lastProbe(pool, account.accountNo);
  // Both checks report its failure; until one has begun, it is not awaited.
  asked.catch(() => {});
  return [
    { ...marketplace, look: async (deps) => reachable(await asked, deps, deps.clock.real()) },
    { ...skew, look: async () => skewed(await asked) },
  ];
}

function reachable(probe: Probe | undefined, { profile }: RouteDeps, real: Micros): Finding {
  if (probe === undefined || real - probe.probedAt > STALE) return notAsked(probe, real);
  const { host, code } = probe;
  const meaning = profile.meaningOf(code) ?? { en: code, zh: code };
  if (!probe.reachable) {
    return ill(
      {
        en: `${host} does not answer as a marketplace: ${code}, ${meaning.en}`,
        zh: `${host} 未按云商店接口应答：${code}，${meaning.zh}`,
      },
      {
        en: "Check the marketplace's address, the network and the firewall; records wait and are sent automatically",
        zh: "请检查云商店地址、网络与防火墙；话单会等待并自动上报",
      },
    );
  }
  if (probe.key === "wrong") {
    return ill(
      {
        en: `${host} refuses our key: ${code}, ${meaning.en}`,
        zh: `${host} 拒绝了我们的密钥：${code}，${meaning.zh}`,
      },
      {
        en: `Set ${profile.keySettings.en} and restart the reporter`,
        zh: `请${profile.keySettings.zh}并重启 reporter`,
      },
    );
  }
  return probe.key === "right"
    ? well(`${host} answers and accepts our key`, `${host} 正常应答，密钥有效`)
    : well(
        `${host} answers; it did not say whether the key is right (${code})`,
        `${host} 正常应答，但未说明密钥是否有效（${code}）`,
      );
}

const START: Text = {
  en: "Start the reporter of this account, and see its log: it asks the marketplace every minute",
  zh: "请启动该账号的 reporter 并查看其日志：它每分钟探测一次云商店",
};

function notAsked(probe: Probe | undefined, real: Micros): Finding {
  if (probe === undefined)
    return ill({ en: "no reporter has asked the marketplace yet", zh: "reporter 尚未探测过云商店" }, START);
  const minutes = Math.round((real - probe.probedAt) / 60_000_000);
  return ill(
    {
      en: `no reporter has asked the marketplace for ${minutes} min`,
      zh: `reporter 已有 ${minutes} 分钟未探测云商店`,
    },
    START,
  );
}

function skewed(probe: Probe | undefined): Finding {
  const offset = probe?.dateOffsetMs ?? undefined;
  if (offset === undefined) return well("not shown by the marketplace", "云商店未给出时间");
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
