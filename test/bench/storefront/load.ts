import { Agent, request } from "node:http";
import { makeCall, type SignedCall } from "./calls.js";

// The load process: sends calls at their due times, regardless of the answers, and reports how long each took from
// when it was due, so that a storefront that falls behind cannot hide it.
const [url = "", key = "", perSecond = "500", seconds = "30", instances = "1", warmUp = "5"] =
  process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 128 });
const taken = new Map<string, number[]>();
const codes: Record<string, number> = {};
let asked = 0;
let answered = 0;

function send(call: SignedCall): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { method: call.method, agent, headers: { "content-type": "application/json" } };
    const outgoing = request(url + call.path, options, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(call.body);
  });
}

async function fire(n: number, due: number, counts: boolean): Promise<void> {
  const call = makeCall(key, n, Number(instances));
  asked += 1;
  let code: string;
  try {
    const { status, text } = await send(call);
    code = status === 200 ? /"resultCode":"(\d+)"/.exec(text)![1]! : `HTTP ${status}`;
  } catch (error) {
    code = String((error as { code?: string }).code);
  }
  answered += 1;
  if (!counts) return;
  const told = `${call.kind} ${code}`;
  codes[told] = (codes[told] ?? 0) + 1;
  const times = taken.get(call.kind);
  if (times) times.push(performance.now() - due);
  else taken.set(call.kind, [performance.now() - due]);
}

const started = performance.now();
const every = 1_000 / Number(perSecond);
const [warm, total] = [
  Number(warmUp) * Number(perSecond),
  (Number(warmUp) + Number(seconds)) * Number(perSecond),
];
let next = 0;
const timer = setInterval(() => {
  while (next < total && started + next * every <= performance.now()) {
    void fire(next, started + next * every, next >= warm);
    next += 1;
  }
  if (next < total || answered < asked) return;
  clearInterval(timer);
  const usage = process.cpuUsage();
  process.send!({ taken: Object.fromEntries(taken), codes, cpuSeconds: (usage.user + usage.system) / 1e6 });
  process.disconnect();
}, 1);
