import { runService } from "@quarterpast/runtime";
import { createCollector } from "./collector.js";
import { readCollectorSettings } from "./settings.js";

runService({
  name: "collector",
  async start({ logger, env }) {
    const collector = await createCollector({ settings: readCollectorSettings(env), logger });
    logger.info({ url: collector.url }, "the collector listens");
    return {
      stop: () => collector.stop(),
      ready: async () => {
        await collector.ready;
        return { url: collector.url, port: collector.port };
      },
    };
  },
});
