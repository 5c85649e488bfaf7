import { expect, it } from "vitest";
import { memoryLog } from "./helpers/memoryLog.js";

it("writes JSON with service, level and time", () => {
  const log = memoryLog();
  log.logger.warn({ hours: 3 }, "late");
  expect(log.lines()[0]).toMatchObject({ service: "test", level: "warn", hours: 3, msg: "late" });
  expect(log.lines()[0]!.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

it("hides secrets wherever services put them", () => {
  const log = memoryLog();
  const secret = "hunter2";
  log.logger.info({ password: secret, settings: { apiKey: secret, marketplaceKey: secret } });
  log.logger.info({ req: { headers: { authorization: secret, "x-api-key": secret, cookie: secret } } });
  log.logger.child({ account: { keys: { secretKey: secret } } }).info({ a: { b: { c: { token: secret } } } });
  expect(log.text()).toContain("(hidden)");
  expect(log.text()).not.toContain(secret);
});
