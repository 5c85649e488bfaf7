import { createServer, connect, type AddressInfo, type Socket } from "node:net";

/** What a proxy does to its traffic. */
export type ProxyMode =
  | { kind: "pass" }
  /** Delays every chunk by this, in both directions. */
  | { kind: "delay"; ms: number }
  /** Requests arrive, replies are dropped. */
  | { kind: "dropReplies" }
  /** Connections are reset and refused. */
  | { kind: "cut" }
  /** Connections stay open, but no data passes. */
  | { kind: "halfOpen" };

/** A TCP proxy in front of one server. */
export interface Proxy {
  name: string;
  port: number;
  set(mode: ProxyMode): void;
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 in front of the given port. */
export async function startProxy(name: string, targetPort: number): Promise<Proxy> {
  let mode: ProxyMode = { kind: "pass" };
  const open = new Set<Socket>();
  const isKind = (kind: ProxyMode["kind"]) => mode.kind === kind;

  function forward(from: Socket, to: Socket, isReply: boolean): void {
    let last = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      if (isKind("halfOpen") || (isReply && isKind("dropReplies"))) return;
      if (mode.kind !== "delay") {
        last = last.then(() => void to.write(chunk));
        return;
      }
      const { ms } = mode;
      last = last
        .then(() => new Promise((resolve) => setTimeout(resolve, ms)))
        .then(() => void to.write(chunk));
    });
    from.on("end", () => void last.then(() => to.end()));
    from.on("close", () => to.destroy());
    from.on("error", () => to.destroy());
  }

  const server = createServer((client) => {
    if (isKind("cut")) return void client.resetAndDestroy();
    const upstream = connect({ port: targetPort, host: "127.0.0.1" });
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    forward(client, upstream, false);
    forward(upstream, client, true);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const reset = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    name,
    port: (server.address() as AddressInfo).port,
    set(next) {
      // Dropped data is missing in the streams, so the connections cannot continue.
      const lost = isKind("dropReplies") || isKind("halfOpen");
      mode = next;
      if (lost || next.kind === "cut") reset();
    },
    close: () => {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
