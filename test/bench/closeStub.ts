import { createHmac } from "node:crypto";
import { createServer } from "node:http";

/**
 * A marketplace that is as fast as possible and still checks what matters: it verifies each call's signature, sums
 * every value exactly and expects each serial number once. Implements the sandbox's protocol from the specification
 * (koogallery.md 1.2–1.5) without code of the product. Started by close.ts; queried over the process channel.
 */
const key = process.argv[2] ?? "";

/** Decimals of the marketplace. */
const DECIMALS = 4;

const seen = new Set<string>();
const told = { calls: 0, records: 0, units: 0n, repeated: 0, badSignatures: 0, lastAt: 0 };

interface Wire {
  metering_sn: string;
  usage_value: string;
}

function take(body: Buffer): void {
  const { usage_records: records } = JSON.parse(body.toString("utf8")) as { usage_records: Wire[] };
  for (const { metering_sn: serial, usage_value: value } of records) {
    const [whole = "", fraction = ""] = value.split(".");
    told.units += BigInt(whole + fraction.padEnd(DECIMALS, "0"));
    // 12 hex digits distinguish a million serial numbers well enough to count repeats.
    const tag = serial.slice(-12);
    if (seen.has(tag)) told.repeated += 1;
    seen.add(tag);
  }
  told.calls += 1;
  told.records += records.length;
  told.lastAt = Date.now();
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const { ts = "", nonce = "", signature = "" } = request.headers as Record<string, string>;
    const right = createHmac("sha256", key)
      .update(`ts=${ts}&nonce=${nonce}&body=`)
      .update(body)
      .digest("base64");
    const isRight = right === signature;
    if (isRight) take(body);
    else told.badSignatures += 1;
    response.setHeader("content-type", "application/json");
    response.end(
      isRight
        ? '{"error_code":"MKT.0000","error_msg":"success"}'
        : '{"error_code":"MKT.0102","error_msg":"signature"}',
    );
  });
});
server.listen(0, "127.0.0.1", () => process.send!({ port: (server.address() as { port: number }).port }));
process.on("message", () => process.send!({ ...told, units: String(told.units) }));
process.on("disconnect", () => process.exit(0));
