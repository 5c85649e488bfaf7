/** Settings of a Redis server by name. */
export type RedisConfig = Record<string, string | number>;

/** What durable acknowledgements require of Redis (SPEC 1). */
export const DURABLE: RedisConfig = {
  appendonly: "yes",
  appendfsync: "always",
  "no-appendfsync-on-rewrite": "no",
  "maxmemory-policy": "noeviction",
  save: "",
};

/** Writes the settings in the form of redis.conf. */
export function redisConf(config: RedisConfig): string {
  return Object.entries(config)
    .map(([name, value]) => `${name} ${quote(String(value))}\n`)
    .join("");
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** A Redis that can be started: a program, with the folders of its libraries, or Docker's image. */
export type RedisProgram =
  { kind: "program"; program: string; libraryPath?: string } | { kind: "docker"; image: string };
