import { reservePorts } from "@quarterpast/stack/servers";

// Reserves the ports of the given range one after the other, until none is left, and keeps them until it is ended.
const range = process.argv.slice(2).map(Number);
const ports = [];
try {
  for (;;) ports.push(...(await reservePorts(1, range)));
} catch {
  process.send(ports);
}
process.on("message", () => {});
