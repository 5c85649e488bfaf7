// What nearly every test with a database needs; what starts servers or processes is exported separately.
export * from "./database.js";
export * from "./filed.js";
export * from "./ledger.js";
export * from "./testServers.js";
