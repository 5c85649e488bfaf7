import {
  formatInstant,
  HOUR,
  MINUTE,
  QUARANTINE_ADVICE,
  QUARANTINE_REASONS,
  SEAL_RULE,
  SECOND,
  type Micros,
} from "@quarterpast/domain";
import {
  countQuarantine,
  listAccounts,
  readBacklog,
  readClock,
  readShards,
  type Pool,
} from "@quarterpast/store";
import { ill, well, type Check, type SellerDeps } from "./check.js";
import { readCollectors, readFreezeBacklog } from "./queries.js";

const SILENT_MS = 15_000;

/** On a fast clock, a short span of real time is a long one of product time. */
const REAL_PATIENCE: Micros = 10 * SECOND;

async function patience(pool: Pool, least: Micros): Promise<Micros> {
  const anchor = await readClock(pool);
  return Math.max(least, REAL_PATIENCE * (anchor?.rate ?? 1));
}

const minutes = (span: Micros) =>
  `${Math.floor(span / MINUTE)} min ${Math.floor((span % MINUTE) / SECOND)} s`;
const minutesZh = (span: Micros) =>
  `${Math.floor(span / MINUTE)} 分 ${Math.floor((span % MINUTE) / SECOND)} 秒`;

/** Collectors are alive and what they acknowledged arrives. */
export const collectors: Check<SellerDeps> = {
  name: "collectors",
  title: { en: "Collectors", zh: "采集器" },
  look: async ({ pool, clock }) => {
    const present = (await readCollectors(pool)).filter((one) => !one.hasLeft);
    if (present.length === 0) {
      return ill(
        { en: "none is running", zh: "没有运行中的采集器" },
        { en: "Start a collector: until then no usage is accepted", zh: "请启动采集器：在此之前不接收用量" },
      );
    }
    const silent = present.filter((one) => one.silentMs > SILENT_MS);
    if (silent.length > 0) {
      const names = silent.map((one) => `${one.name} (${Math.round(one.silentMs / 1000)} s)`).join(", ");
      return ill(
        { en: `silent: ${names}`, zh: `无响应：${names}` },
        {
          en: "Start it again with its own journal: until then hours are sealed late, as incomplete",
          zh: "请用其原有日志目录重新启动：在此之前各小时会延迟并以不完整状态封账",
        },
      );
    }
    const lag = Math.max(...present.map((one) => clock.now() - one.watermark));
    const found = {
      en: `${present.length} here, watermark ${minutes(Math.max(0, lag))} behind`,
      zh: `${present.length} 个在线，水位落后 ${minutesZh(Math.max(0, lag))}`,
    };
    if (lag <= (await patience(pool, SEAL_RULE.latest / 2))) return { ok: true, found, advice: null };
    return ill(found, {
      en: "Acknowledged usage does not arrive: see whether the aggregator runs and what its log says",
      zh: "已确认的用量没有入账：请检查 aggregator 是否运行及其日志",
    });
  },
};

/** Hours are sealed when they are due. */
export const sealing: Check<SellerDeps> = {
  name: "sealing",
  title: { en: "Sealing", zh: "封账" },
  look: async ({ pool, clock }) => {
    const open = (await readShards(pool)).map((shard) => shard.openHour);
    if (open.length === 0)
      return ill(
        { en: "no hour was ever opened", zh: "尚未开始任何小时" },
        { en: "Start the reporter", zh: "请启动 reporter" },
      );
    const oldest = Math.min(...open);
    const overdue = clock.now() - (oldest + HOUR + SEAL_RULE.latest);
    const found = { en: `sealed up to ${formatInstant(oldest)}`, zh: `已封账至 ${formatInstant(oldest)}` };
    if (overdue <= (await patience(pool, MINUTE))) return { ok: true, found, advice: null };
    return ill(
      {
        en: `${found.en}; the next hour is ${minutes(overdue)} overdue`,
        zh: `${found.zh}；下一小时已逾期 ${minutesZh(overdue)}`,
      },
      {
        en: "See whether the reporter runs and what its log says: the window closes at minute 15",
        zh: "请检查 reporter 是否运行及其日志：上报窗口在第 15 分钟关闭",
      },
    );
  },
};

/** Sealed hours become records without delay. */
export const freezing: Check<SellerDeps> = {
  name: "freezing",
  title: { en: "Records of sealed hours", zh: "话单生成" },
  look: async ({ pool, clock }) => {
    const { hours, oldestHour, oldestSealedAt } = await readFreezeBacklog(pool);
    if (oldestSealedAt === null || oldestHour === null) return well("all made", "已全部生成");
    const waited = clock.now() - oldestSealedAt;
    const found = {
      en: `${hours} hours to do, the oldest ${formatInstant(oldestHour)}`,
      zh: `${hours} 个小时待处理，最早为 ${formatInstant(oldestHour)}`,
    };
    if (waited <= (await patience(pool, MINUTE))) return { ok: true, found, advice: null };
    return ill(found, {
      en: "See whether the reporter runs and what its log says",
      zh: "请检查 reporter 是否运行及其日志",
    });
  },
};

/** Reported before the window closes, not after (SPEC 8). */
const WARN_BEFORE: Micros = 3 * MINUTE;

/** Records are submitted within their window. */
export const submissions: Check = {
  name: "submissions",
  title: { en: "Records owed to the marketplace", zh: "待上报话单" },
  look: async ({ pool, clock, account: { accountNo } }) => {
    const { records, submissions: calls, firstDeadline } = await readBacklog(pool, accountNo);
    if (firstDeadline === null) return well("none", "无");
    const left = firstDeadline - clock.now();
    const en = `${records} records in ${calls} calls; the first window ${left >= 0 ? `closes in ${minutes(left)}` : `closed ${minutes(-left)} ago`}`;
    const zh = `${records} 条话单（${calls} 次调用）；最早的窗口${left >= 0 ? `还有 ${minutesZh(left)} 关闭` : `已关闭 ${minutesZh(-left)}`}`;
    if (left > WARN_BEFORE) return well(en, zh);
    return ill(
      { en, zh },
      {
        en: "See the checks of the marketplace and the account below, and the reporter's log",
        zh: "请查看下方云商店与账户检查，以及 reporter 日志",
      },
    );
  },
};

/** Submission is not halted. */
export const account: Check = {
  name: "account",
  title: { en: "Account", zh: "账户" },
  look: async ({ pool, account: { accountNo, code }, profile }) => {
    const halted = (await listAccounts(pool)).find((one) => one.accountNo === accountNo)?.haltedCode ?? null;
    if (halted === null) return well(`${code} sends`, `${code} 正常上报`);
    const meaning = profile.meaningOf(halted) ?? { en: halted, zh: halted };
    return ill(
      {
        en: `${code} is halted: ${halted}, ${meaning.en}`,
        zh: `${code} 已暂停上报：${halted}，${meaning.zh}`,
      },
      {
        en: "Correct the marketplace key, its rights or the address and restart the reporter; it continues once a probe succeeds",
        zh: "请修正云商店密钥、权限或地址并重启 reporter；探测成功后会自动恢复",
      },
    );
  },
};

const SHOWN = 3;

/** No acknowledged event waits for its binding. */
export const quarantine: Check<SellerDeps> = {
  name: "quarantine",
  title: { en: "Quarantine", zh: "隔离区" },
  look: async ({ pool, limitedTo }) => {
    const waiting = await countQuarantine(pool, { accounts: limitedTo, limit: 1_000 });
    if (waiting.length === 0) return well("empty", "为空");
    const events = waiting.reduce((sum, row) => sum + row.events, 0);
    const first = waiting.slice(0, SHOWN);
    const rows = (language: "en" | "zh") =>
      first
        .map(
          (row) => `${row.subject} ${row.meter}: ${row.events}, ${QUARANTINE_REASONS[row.reason][language]}`,
        )
        .join("; ");
    const reasons = [...new Set(waiting.map(({ reason }) => reason))];
    const advice = (language: "en" | "zh") =>
      reasons
        .map((reason) =>
          reasons.length === 1
            ? QUARANTINE_ADVICE[reason][language]
            : `${reason}: ${QUARANTINE_ADVICE[reason][language]}`,
        )
        .join("; ");
    return ill(
      { en: `${events} events wait (${rows("en")})`, zh: `${events} 个事件等待中（${rows("zh")}）` },
      { en: advice("en"), zh: advice("zh") },
    );
  },
};
