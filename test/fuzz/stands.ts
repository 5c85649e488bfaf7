/** The services under test, as their own tests start them: in process, on real servers. */
export { createStand, tokenOf } from "../../services/collector/test/kit.js";
export { startApi, type TestApi } from "../../services/api/test/kit.js";
export type { Collector } from "../../services/collector/src/collector.js";
