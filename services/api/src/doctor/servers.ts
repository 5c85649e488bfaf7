import { formatInstant, MINUTE } from "@quarterpast/domain";
import { checkSchema, readClock } from "@quarterpast/store";
import { ill, well, type Check, type SellerDeps } from "./check.js";
import { readSettings } from "./queries.js";

/** Postgres answers. The other checks of Postgres make sense only after this one. */
export const postgres: Check<SellerDeps> = {
  name: "postgres",
  title: { en: "Postgres", zh: "Postgres" },
  look: async ({ pool }) => {
    const { rows } = await pool.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    const { version } = rows[0]!;
    return well(`answers, version ${version}`, `正常应答，版本 ${version}`);
  },
};

const DURABLE: Record<string, readonly string[]> = {
  fsync: ["on"],
  full_page_writes: ["on"],
  synchronous_commit: ["on", "remote_apply", "remote_write", "local"],
};

/** A commit of Postgres is on disk when it answers. */
export const postgresDurability: Check<SellerDeps> = {
  name: "postgres_durability",
  title: { en: "Postgres durability", zh: "Postgres 提交落盘" },
  look: async ({ pool }) => {
    const settings = await readSettings(pool, Object.keys(DURABLE));
    const wrong = Object.entries(DURABLE).filter(
      ([name, right]) => !right.includes(settings.get(name) ?? ""),
    );
    const shown = [...settings].map(([name, value]) => `${name}=${value}`).join(", ");
    if (wrong.length === 0) return well(shown, shown);
    const right = wrong.map(([name, values]) => `${name}=${values[0]}`).join(", ");
    return ill(
      { en: shown, zh: shown },
      {
        en: `Set ${right} in postgresql.conf and reload: a power cut could lose billed usage`,
        zh: `请在 postgresql.conf 中设置 ${right} 并重新加载：断电可能丢失已计费用量`,
      },
    );
  },
};

/** The database has this version's tables. */
export const schema: Check<SellerDeps> = {
  name: "schema",
  title: { en: "Schema", zh: "数据库结构" },
  look: async ({ pool }) => {
    const state = await checkSchema(pool);
    if (state.ok) return well("is this version's", "与本版本一致");
    const names = state.names.join(", ");
    return state.problem === "newer"
      ? ill(
          { en: `newer than this version (${names})`, zh: `比本版本新（${names}）` },
          { en: "Start a newer quarterpast", zh: "请启动更新版本的 quarterpast" },
        )
      : ill(
          { en: `older than this version (missing ${names})`, zh: `比本版本旧（缺少 ${names}）` },
          {
            en: "Stop everything and start it again: the migrations run at the start",
            zh: "请全部停止后重新启动：启动时会执行迁移",
          },
        );
  },
};

/** The clock is set, runs, and is not behind itself. */
export const clock: Check<SellerDeps> = {
  name: "clock",
  title: { en: "Product clock", zh: "产品时钟" },
  look: async ({ pool, clock }) => {
    const anchor = await readClock(pool);
    if (!anchor)
      return ill(
        { en: "has not been set", zh: "尚未设置" },
        {
          en: 'Start the stack with "quarterpast up": it sets the clock',
          zh: '请用 "quarterpast up" 启动系统：它会设置时钟',
        },
      );
    const now = clock.now();
    const shown = `${formatInstant(now)}, ×${anchor.rate}`;
    const behind = anchor.beatProduct - now;
    if (behind > MINUTE) {
      const en = `${shown}: ${Math.round(behind / MINUTE)} min behind the time it has already shown`;
      return ill(
        { en, zh: `${shown}：比已给出的时间晚 ${Math.round(behind / MINUTE)} 分钟` },
        {
          en: "Check the real clock of the database's host (NTP), then restart the stack",
          zh: "请检查数据库主机的系统时间（NTP），然后重启系统",
        },
      );
    }
    if (anchor.rate === 0 || anchor.realAnchor > anchor.serverNow) {
      return ill(
        { en: `${shown}: it is stopped`, zh: `${shown}：时钟已停` },
        {
          en: "Nothing is sealed or sent while it is stopped: start the stack again with --clock-rate 1 or more",
          zh: "时钟停止时不会封账和上报：请以 --clock-rate 1 或更大值重新启动",
        },
      );
    }
    const offReal = now - anchor.serverNow;
    const isReal = anchor.rate === 1 && Math.abs(offReal) < MINUTE;
    const note = isReal
      ? { en: "real time", zh: "真实时间" }
      : { en: "not real time: a trial", zh: "非真实时间：试运行" };
    return well(`${shown} (${note.en})`, `${shown}（${note.zh}）`);
  },
};

/** Redis answers and may be trusted with an acknowledgement. */
export const redisDurability: Check<SellerDeps> = {
  name: "redis",
  title: { en: "Redis durability", zh: "Redis 落盘" },
  look: async ({ redis }) => {
    const problems = await redis.durability();
    if (problems.length === 0)
      return well("answers; appendfsync always, noeviction", "正常应答；appendfsync always、noeviction");
    const found = problems.map(({ setting, value }) => `${setting} ${value}`).join(", ");
    const right = problems.map(({ setting, right: wanted }) => `${setting} ${wanted}`).join(", ");
    return ill(
      { en: found, zh: found },
      {
        en: `Set ${right} in redis.conf and restart Redis: until then the collector accepts nothing`,
        zh: `请在 redis.conf 中设置 ${right} 并重启 Redis：在此之前采集器不接收用量`,
      },
    );
  },
};

/** No job has been given up. */
export const queue: Check<SellerDeps> = {
  name: "queue",
  title: { en: "Queue", zh: "队列" },
  look: async ({ redis }) => {
    const { waiting, delayed, failed } = await redis.queue();
    const found = {
      en: `${waiting} waiting, ${delayed} to be retried, ${failed} failed`,
      zh: `等待 ${waiting}，待重试 ${delayed}，失败 ${failed}`,
    };
    if (failed === 0) return { ok: true, found, advice: null };
    return ill(found, {
      en: "See the aggregator's log for why, then retry the failed jobs (BullMQ's failed set): they are acknowledged usage",
      zh: "请查看 aggregator 日志中的原因，然后重试失败任务（BullMQ 的 failed 集合）：它们是已确认的用量",
    });
  },
};
