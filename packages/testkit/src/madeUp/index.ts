export { madeUp, registerMadeUp } from "./marketplace.js";
export { startMadeUpServer, type MadeUpFault, type MadeUpRecord, type MadeUpServer } from "./server.js";
