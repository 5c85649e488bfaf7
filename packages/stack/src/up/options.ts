import { parseInstant, type Micros } from "@quarterpast/domain";
import { LOOPBACK } from "@quarterpast/marketplace";
import { StackError } from "../errors.js";
import { DEFAULT_DATA_DIR } from "../find.js";
import { DEFAULT_PORT_BASE, PORT_COUNT } from "./layout.js";
import type { UpSettings } from "./settings.js";

/** The options of `up` as typed. */
export interface UpFlags {
  sample?: boolean;
  once?: boolean;
  dataDir?: string;
  portBase?: string;
  clockStart?: string;
  clockRate?: string;
  marketplaceUrl?: string;
  marketplaceKey?: string;
}

/** The options of `up`, checked. */
export interface UpOptions {
  sample: boolean;
  once: boolean;
  dataDir: string;
  portBase: number;
  clockStart: Micros | undefined;
  /** Product seconds per real second. */
  clockRate: number | undefined;
  /** A marketplace other than the sandbox. */
  marketplaceUrl: string | undefined;
  marketplaceKey: string | undefined;
  /** Whether the sandbox runs: some account files with it. */
  hasSandbox: boolean;
}

const MAX_PORT_BASE = 65_536 - PORT_COUNT;
/** An hour in a second: beyond that, windows of minutes are shorter than a database commit. */
const MAX_RATE = 3600;

/**
 * Checks what was typed.
 * @param filed what a file of accounts says, if there is one
 * @throws StackError `usage`, for the first option that cannot be used, with what would be right.
 */
export function readOptions(flags: UpFlags, filed: Filed = NOT_FILED): UpOptions {
  const options: UpOptions = {
    sample: flags.sample ?? false,
    once: flags.once ?? false,
    dataDir: readDataDir(flags.dataDir),
    portBase: readPortBase(flags.portBase),
    clockStart: flags.clockStart === undefined ? undefined : readStart(flags.clockStart),
    clockRate: flags.clockRate === undefined ? undefined : readRate(flags.clockRate),
    marketplaceUrl: flags.marketplaceUrl === undefined ? undefined : readMarketplaceUrl(flags.marketplaceUrl),
    marketplaceKey: flags.marketplaceKey,
    hasSandbox: filed.isFiled
      ? filed.accounts.some(({ sandbox }) => sandbox)
      : flags.marketplaceUrl === undefined,
  };
  if (filed.isFiled) checkBesideFile(options, filed);
  else checkTogether(options);
  return options;
}

type Filed = Pick<UpSettings, "isFiled" | "accounts">;
const NOT_FILED: Filed = { isFiled: false, accounts: [] };

function usage(en: string, zh: string): StackError {
  return new StackError("usage", { en, zh });
}

function readDataDir(text = DEFAULT_DATA_DIR): string {
  if (text.trim() !== "" && !text.includes("\0")) return text;
  throw usage("--data-dir is empty: name a folder", "--data-dir 为空：请指定一个目录");
}

function readPortBase(text = String(DEFAULT_PORT_BASE)): number {
  const base = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (base >= 1 && base <= MAX_PORT_BASE) return base;
  throw usage(
    `--port-base ${text}: must be a whole number from 1 to ${MAX_PORT_BASE} (it and the ${PORT_COUNT - 1} ports after it are used)`,
    `--port-base ${text}：应为 1 至 ${MAX_PORT_BASE} 的整数（使用该端口及其后 ${PORT_COUNT - 1} 个端口）`,
  );
}

function readStart(text: string): Micros {
  const start = parseInstant(text);
  if (start !== undefined) return start;
  throw usage(
    `--clock-start ${text}: must be a time with a zone, such as 2026-01-31T18:15:00Z`,
    `--clock-start ${text}：应为带时区的时间，例如 2026-01-31T18:15:00Z`,
  );
}

function readRate(text: string): number {
  const rate = /^\d{1,4}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (rate > 0 && rate <= MAX_RATE) return rate;
  throw usage(
    `--clock-rate ${text}: must be a number above 0, up to ${MAX_RATE} (120: an hour takes 30 seconds)`,
    `--clock-rate ${text}：应为大于 0 且不超过 ${MAX_RATE} 的数（120 表示一小时只需 30 秒）`,
  );
}

function readMarketplaceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash;
  if (isPlain && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))))
    return text;
  const shown = text.replace(/\/\/[^/]*@/, "//(hidden)@").replace(/\?.*$/, "?(hidden)");
  throw usage(
    `--marketplace-url ${shown}: must be an https URL without user, query and fragment (plain http only for 127.0.0.1 and localhost)`,
    `--marketplace-url ${shown}：应为不含用户信息、查询串和片段的 https 地址（仅 127.0.0.1 和 localhost 可用 http）`,
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function checkTogether({
  sample,
  once,
  marketplaceUrl,
  marketplaceKey,
  clockStart,
  clockRate,
}: UpOptions): void {
  checkOnce(once, sample);
  if (sample && marketplaceUrl !== undefined) {
    throw usage(
      "--sample sends made-up usage and files it only with the sandbox: leave out --marketplace-url",
      "--sample 发送的是虚构用量，只能报送沙箱：请去掉 --marketplace-url",
    );
  }
  const isSimulated = clockStart !== undefined || clockRate !== undefined;
  if (isSimulated && marketplaceUrl !== undefined && !isLoopback(new URL(marketplaceUrl).hostname)) {
    throw usage(
      "a real marketplace is told real hours only: leave out --clock-start and --clock-rate, or --marketplace-url",
      "对真实的云市场只能上报真实时间：请去掉 --clock-start 和 --clock-rate，或去掉 --marketplace-url",
    );
  }
  if (marketplaceUrl !== undefined && marketplaceKey === undefined) {
    throw usage(
      "--marketplace-url needs the seller's key: set MARKETPLACE_KEY (or MARKETPLACE_KEY_FILE), or give --marketplace-key",
      "--marketplace-url 需要商家对接密钥：请设置 MARKETPLACE_KEY（或 MARKETPLACE_KEY_FILE），或使用 --marketplace-key",
    );
  }
}

function checkOnce(once: boolean, sample: boolean): void {
  if (!once || sample) return;
  throw usage(
    "--once ends the sample and needs --sample: up --sample --once",
    "--once 用于结束示例运行，需与 --sample 同用：up --sample --once",
  );
}

/** What a file of accounts decides is not decided by an option too. */
function checkBesideFile(
  { sample, once, marketplaceUrl, marketplaceKey, clockStart, clockRate }: UpOptions,
  { accounts }: Filed,
): void {
  checkOnce(once, sample);
  if (sample) {
    throw usage(
      "--sample sends made-up usage of one account, to the sandbox only: unset ACCOUNTS_FILE",
      "--sample 发送的是单个账号的虚构用量，只能报送沙箱：请不要设置 ACCOUNTS_FILE",
    );
  }
  if (marketplaceUrl !== undefined || marketplaceKey !== undefined) {
    throw usage(
      "ACCOUNTS_FILE says where each account files and by which key: leave out --marketplace-url and --marketplace-key, or unset ACCOUNTS_FILE",
      "各账号的报送地址和密钥由 ACCOUNTS_FILE 声明：请去掉 --marketplace-url 和 --marketplace-key，或不设置 ACCOUNTS_FILE",
    );
  }
  const far = accounts.filter(({ address }) => address !== LOOPBACK).map(({ code }) => code);
  if ((clockStart !== undefined || clockRate !== undefined) && far.length > 0) {
    throw usage(
      `a real marketplace is told real hours only: leave out --clock-start and --clock-rate, or account ${far.join(", ")}`,
      `对真实的云市场只能上报真实时间：请去掉 --clock-start 和 --clock-rate，或去掉账号 ${far.join("、")}`,
    );
  }
}
