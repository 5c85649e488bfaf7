import { afterEach, describe, expect, it } from "vitest";
import { createUsageClient, RejectedEvent, RequestRefused, UnacknowledgedEvent } from "../src/index.js";
import type { UsageClient, UsageClientOptions, UsageInput } from "../src/index.js";
import { rejecting, startStub, type CollectorStub } from "./collectorStub.js";

const fast = { firstMs: 5, maxMs: 20 };
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function stub(answer: Parameters<typeof startStub>[0]): Promise<CollectorStub> {
  const started = await startStub(answer);
  stops.push(() => started.stop());
  return started;
}

function client(url: string, options: Partial<UsageClientOptions> = {}): UsageClient {
  const made = createUsageClient({
    url,
    apiKey: "qp_test",
    source: "svc",
    maxWaitMs: 5,
    retry: fast,
    ...options,
  });
  stops.push(() => made.close(100));
  return made;
}

const usage = (more: Partial<UsageInput> = {}): UsageInput => ({
  subject: "customer-1",
  meter: "tokens",
  time: "2026-07-20T10:00:00Z",
  quantity: 1,
  ...more,
});
const ids = (collector: CollectorStub) => collector.batches.map((batch) => batch.map(({ id }) => id));

describe("what goes out", () => {
  it("is a CloudEvent with the caller's time, the exact quantity and a UUIDv7 of the given clock", async () => {
    let auth: string | undefined;
    const collector = await stub((_events, _call, request) => {
      auth = `${request.url} ${request.headers.authorization} ${request.headers["content-type"]}`;
      return {};
    });
    const made = client(collector.url, {
      now: () => 0x0123456789ab * 1000,
      random: (count) => new Uint8Array(count).fill(0xff),
    });
    await made.record(
      usage({
        time: new Date("2026-07-20T10:00:00.250Z"),
        quantity: 1e-7,
        extensions: { region: "cn", id: "x" },
      }),
    );
    expect(collector.batches[0]).toEqual([
      {
        specversion: "1.0",
        id: "01234567-89ab-7fff-bfff-ffffffffffff",
        source: "svc",
        type: "tokens",
        subject: "customer-1",
        time: "2026-07-20T10:00:00.250Z",
        data: { quantity: "0.0000001" },
        region: "cn",
      },
    ]);
    expect(auth).toBe("/v1/events Bearer qp_test application/cloudevents-batch+json");
  });

  it("is batched by size and by waiting time, over kept connections", async () => {
    const collector = await stub(() => ({}));
    const made = client(collector.url, { maxBatch: 10, maxCalls: 1 });
    await Promise.all(Array.from({ length: 25 }, () => made.record(usage())));
    for (let more = 0; more < 7; more += 1) await made.record(usage());
    expect(collector.batches.map((batch) => batch.length)).toEqual([10, 10, 5, ...Array(7).fill(1)]);
    expect(collector.sockets.size).toBeLessThan(4);
  });

  it("does not wait for more when it is flushed", async () => {
    const collector = await stub(() => ({}));
    const made = client(collector.url, { maxWaitMs: 60_000 });
    const recorded = made.record(usage());
    await made.flush();
    expect(collector.batches.length).toBe(1);
    await recorded;
  });
});

describe("retries", () => {
  it("repeats lost connections, 429, 500 and 503 with the same ids until it is acknowledged", async () => {
    const answers = [
      undefined,
      { status: 429 },
      { status: 500 },
      { status: 503 },
      { body: { accepted: 1, rejected: [] } },
      {},
    ];
    const collector = await stub((_events, call) => answers[call - 1]);
    const causes: unknown[] = [];
    const made = client(collector.url, { onRetry: (cause) => causes.push(cause) });
    await Promise.all([made.record(usage()), made.record(usage())]);
    expect(collector.batches.length).toBe(6);
    expect(new Set(ids(collector).map((batch) => batch.join())).size).toBe(1);
    expect(causes.length).toBe(5);
  });

  it("waits as long as Retry-After asks", async () => {
    const collector = await stub((_events, call) =>
      call === 1 ? { status: 503, headers: { "retry-after": "1" } } : {},
    );
    const begun = performance.now();
    await client(collector.url).record(usage());
    expect(performance.now() - begun).toBeGreaterThan(950);
  });

  it("ends after retry.forMs, and says that the event may be there", async () => {
    const made = client("http://127.0.0.1:1", { retry: { ...fast, forMs: 60 } });
    await expect(made.record(usage({ id: "a" }))).rejects.toThrow(UnacknowledgedEvent);
  });

  it("repeats an event rejected as retryable, by itself and with its id", async () => {
    const collector = await stub((events, call) =>
      rejecting(events, ({ id }) =>
        id === "early" && call < 3
          ? { code: "time_in_future", field: "time", detail: "later", retryable: true }
          : undefined,
      ),
    );
    const made = client(collector.url);
    await Promise.all([made.record(usage({ id: "early" })), made.record(usage({ id: "good" }))]);
    expect(ids(collector)).toEqual([["early", "good"], ["early"], ["early"]]);
  });

  it("hands a retryable rejection over after retry.rejectedForMs", async () => {
    const refusal = { code: "time_in_future", field: "time", detail: "year 2999", retryable: true };
    const collector = await stub((events) => rejecting(events, () => refusal));
    const made = client(collector.url, { retry: { ...fast, rejectedForMs: 50 } });
    await expect(made.record(usage())).rejects.toMatchObject({ code: "time_in_future", retryable: true });
    expect(collector.batches.length).toBeGreaterThan(1);
  });
});

describe("refusals", () => {
  const bad = { code: "quantity_invalid", field: "data.quantity", detail: "-1", retryable: false };

  it("hands a rejected event to its caller, the others are taken", async () => {
    const collector = await stub((events) => rejecting(events, ({ id }) => (id === "bad" ? bad : undefined)));
    const heard: unknown[] = [];
    const made = client(collector.url, { onRejected: (error) => heard.push(error) });
    const ignored = made.record(usage({ id: "bad" }));
    await made.record(usage({ id: "good" }));
    await expect(ignored).rejects.toThrow(RejectedEvent);
    expect(heard).toMatchObject([
      { code: "quantity_invalid", field: "data.quantity", detail: "-1", event: { id: "bad" } },
    ]);
    expect(collector.batches.length).toBe(1);
  });

  it("names rejected events of a send by their place, across batches", async () => {
    const collector = await stub((events) =>
      rejecting(events, ({ id }) => (id.startsWith("bad") ? bad : undefined)),
    );
    const inputs = ["a", "b", "bad-2", "c", "d", "bad-5"].map((id) => usage({ id }));
    const result = await client(collector.url, { maxBatch: 4 }).send(inputs);
    expect(result.accepted).toBe(4);
    expect(result.rejected.map(({ index, event }) => [index, event.id])).toEqual([
      [2, "bad-2"],
      [5, "bad-5"],
    ]);
  });

  it("isolates the one event a whole batch is refused for", async () => {
    const collector = await stub((events) =>
      events.some(({ id }) => id === "huge")
        ? { status: 413, body: { code: "body_too_large", detail: "too large" } }
        : {},
    );
    const inputs = ["a", "b", "c", "huge", "d"].map((id) => usage({ id }));
    const result = await client(collector.url).send(inputs);
    expect(result.accepted).toBe(4);
    expect(result.rejected).toMatchObject([{ code: "body_too_large", event: { id: "huge" }, index: 3 }]);
  });

  it("takes the named events of a refused batch out, and never sends them again", async () => {
    const named = (events: { id: string }[]) =>
      events.flatMap(({ id }, index) => (id.startsWith("bad") ? [{ index, id, ...bad }] : []));
    const collector = await stub((events) => {
      const rejected = named(events);
      return rejected.length === 0
        ? {}
        : { status: 422, body: { code: "events_rejected", detail: "x", accepted: 0, rejected } };
    });
    const inputs = ["a", "bad-1", "b", "bad-3"].map((id) => usage({ id }));
    const result = await client(collector.url).send(inputs);
    expect(result.accepted).toBe(2);
    expect(result.rejected).toMatchObject([
      { index: 1, code: "quantity_invalid" },
      { index: 3, code: "quantity_invalid" },
    ]);
    expect(ids(collector)).toEqual([
      ["a", "bad-1", "b", "bad-3"],
      ["a", "b"],
    ]);
  });

  it.each([401, 403, 404, 415])("ends at once and typed on %i", async (status) => {
    const collector = await stub(() => ({ status, body: { code: "unauthorized", detail: "no" } }));
    const error = await client(collector.url)
      .send([usage()])
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RequestRefused);
    expect(error).toMatchObject({ status, detail: "no" });
    expect(collector.batches.length).toBe(1);
  });

  it.each([0.1 + 0.2, NaN, -1, "1.2.3", 10n ** 12n])(
    "refuses %s at the call, with what to send",
    async (quantity) => {
      const collector = await stub(() => ({}));
      const made = client(collector.url);
      await expect((async () => made.record(usage({ quantity })))()).rejects.toThrow(RangeError);
      await expect((async () => made.send([usage({ quantity })]))()).rejects.toThrow(
        /quantity .*: (must|has)/,
      );
      expect(collector.batches).toEqual([]);
    },
  );

  it("reports a wrong address when it is made", () => {
    expect(() => createUsageClient({ url: "nowhere", apiKey: "k", source: "s" })).toThrow(TypeError);
  });
});

describe("back pressure and the end", () => {
  it("holds no more events than the buffer may, and lets the waiting ones in by turn", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const collector = await stub(async () => {
      await gate;
      return {};
    });
    const made = client(collector.url, { maxBatch: 2, maxBuffered: 4, maxCalls: 1 });
    const recorded = Array.from({ length: 6 }, (_, at) => made.record(usage({ id: String(at) })));
    let isReady = false;
    const ready = made.ready().then(() => (isReady = true));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(isReady).toBe(false);
    open();
    await Promise.all([...recorded, ready]);
    expect(ids(collector).flat()).toEqual(["0", "1", "2", "3", "4", "5"]);
  });

  it("sends all it holds before it closes, then takes no more", async () => {
    const collector = await stub(() => ({}));
    const made = client(collector.url, { maxWaitMs: 60_000, maxBatch: 2, maxBuffered: 2 });
    const recorded = Promise.all([made.record(usage()), made.record(usage()), made.record(usage())]);
    await made.close();
    await recorded;
    expect(collector.batches.flat().length).toBe(3);
    await expect(made.record(usage())).rejects.toThrow("closed");
  });

  it("names what is not acknowledged when closing takes too long", async () => {
    const collector = await stub(() => ({ status: 503 }));
    const made = client(collector.url, { maxBatch: 1, maxBuffered: 2, maxCalls: 1 });
    const settled = Promise.allSettled(["a", "b", "c"].map((id) => made.record(usage({ id }))));
    await made.close(50);
    expect((await settled).map((one) => (one as PromiseRejectedResult).reason?.name)).toEqual(
      Array(3).fill("UnacknowledgedEvent"),
    );
  });
});
