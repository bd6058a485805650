/**
 * How fast one thread relays: `node bench/relay.ts PORT [messages] [bytes] [connections]` against a server that discards, for instance
 * `smtp-sink -u postfix -c 127.0.0.1:PORT 1000`. Prints messages a second and CPU microseconds a message (this process only).
 */
import { randomBytes } from "node:crypto";
import { Dialer } from "../src/lib/dial.ts";
import { systemResolver } from "../src/lib/resolver.ts";
import { silentRouteLog } from "../src/routes/route-log.ts";
import { createSmtpRoute } from "../src/routes/smtp/smtp-route.ts";
import type { Transaction } from "../src/routes/route.ts";

const [port = "2606", messages = "50000", bytes = "4096", connections = "10", spare = ""] = process.argv.slice(2);
const route = createSmtpRoute(
  {
    name: "bench",
    host: "127.0.0.1",
    port: Number(port),
    tls: "none",
    allowPrivate: true,
    maxConnections: Number(connections),
    maxMessagesPerConnection: 1e9,
  },
  { dialer: new Dialer(systemResolver), log: silentRouteLog, now: Date.now },
);
const prefix = Buffer.from(
  "Received: from client.example ([127.0.0.1]) by gateway.contoso.example with ESMTP id 0123456789A;\r\n Sat, 21 Nov 2026 12:00:00 +0000\r\n",
);
const line = `${randomBytes(38).toString("hex").slice(0, 76)}\r\n`;
const body = Buffer.from(`From: app@contoso.example\r\nSubject: bench\r\n\r\n${line.repeat(Math.ceil(Number(bytes) / line.length))}`);
const never = new AbortController().signal;
let left = Number(messages);
let failed = 0;

async function worker(): Promise<void> {
  while (left-- > 0) {
    const recipient = { address: "bob@fabrikam.example" };
    const transaction: Transaction = {
      messageId: left,
      envelope: { reversePath: "app@contoso.example", recipients: [recipient] },
      recipients: [recipient],
      content: {
        size: prefix.length + body.length,
        leadingDots: false,
        eightBit: false,
        inMemory: [prefix, body],
        async *stream() {},
      },
    };
    const { outcomes } = await route.deliver(transaction, never);
    if (outcomes.get(recipient)?.action !== "relayed") failed++;
  }
}

const workers = spare === "" ? route.traits.concurrency : Number(spare);
const cpu = process.cpuUsage();
const start = performance.now();
await Promise.all(Array.from({ length: workers }, worker));
const seconds = (performance.now() - start) / 1000;
const used = process.cpuUsage(cpu);
await route[Symbol.asyncDispose]();
console.log(
  `${Math.round(Number(messages) / seconds)} messages/s, ${((used.user + used.system) / Number(messages)).toFixed(1)} µs CPU a message (${(used.user / Number(messages)).toFixed(1)} user), ${failed} not relayed`,
);
