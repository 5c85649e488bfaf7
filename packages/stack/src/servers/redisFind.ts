import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { StackError } from "../errors.js";
import type { RedisProgram } from "./redisConfig.js";
import { redisFromDebian } from "./redisDebian.js";

const IMAGE = "redis:7";

/**
 * Finds a Redis, in this order: redis-server or valkey-server on PATH; Debian's package in the cache folder; a Docker
 * engine.
 * @throws StackError `redis_missing`, with what to install on this platform.
 */
export async function findRedis(
  say: (line: string) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<RedisProgram> {
  const program = onPath(env.PATH ?? "");
  if (program) return { kind: "program", program };
  const debian = await redisFromDebian(say);
  if (debian) return debian;
  if (await hasDocker()) {
    say(`running Redis in Docker (${IMAGE})`);
    return { kind: "docker", image: IMAGE };
  }
  throw missing();
}

function onPath(path: string): string | undefined {
  const dirs = path.split(delimiter).filter(Boolean);
  const candidates = ["redis-server", "valkey-server"].flatMap((name) => dirs.map((dir) => join(dir, name)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether a Docker engine answers. */
export async function hasDocker(): Promise<boolean> {
  return promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], {
    timeout: 5_000,
  }).then(
    () => true,
    () => false,
  );
}

const INSTALL: Partial<Record<NodeJS.Platform, string>> = {
  linux: "apt-get install redis-server (or dnf install valkey)",
  darwin: "brew install redis",
};

function missing(): StackError {
  const how = INSTALL[process.platform];
  return new StackError("redis_missing", {
    en: how
      ? `no Redis was found and none could be fetched; install one (${how}), start Docker, or set REDIS_URL`
      : "no Redis was found; start Docker Desktop or set REDIS_URL",
    zh: how
      ? `未找到 Redis，也无法下载；请安装（${how}）、启动 Docker，或设置 REDIS_URL`
      : "未找到 Redis；请启动 Docker Desktop，或设置 REDIS_URL",
  });
}
