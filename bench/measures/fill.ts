/**
 * Fills the queue of a data directory: `node bench/measures/fill.ts DIRECTORY MESSAGES`. Messages go through the store as the queue gives
 * them to it, each with a body of 4 KB, a recipient in one of a hundred domains, and due now; over SMTP the same would take longer, no more.
 * The directory must hold the configuration `postern.yaml` with which a gateway will be started on it.
 */
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { IdSource } from "../../src/lib/ids.ts";
import { LaneBook } from "../../src/queue/lanes.ts";
import type { Operation } from "../../src/queue/store.ts";
import { Router } from "../../src/routing/decide.ts";
import { openStore } from "../../src/store/sqlite/open-store.ts";

const [directory = "", count = "0"] = process.argv.slice(2);
const messages = Number(count);
const perCall = 100;
const callers = 4;
const domains = 100;

const { config } = loadConfig(join(directory, "postern.yaml"));
const traits = { maxSize: null, takesNullReversePath: true, external: true, smtputf8: true };
const router = new Router(config.routing, new Map(config.routes.map(({ name }) => [name, traits])));
const lanes = new LaneBook();
const decided = new Set<string>();
const line = "The quick brown fox jumps over the lazy dog, and over the fence of the gate.\r\n";
const body = Buffer.from(
  `From: <bench@example.org>\r\nTo: <user@example.net>\r\nSubject: bench\r\n\r\n${line.repeat(Math.ceil(4096 / line.length))}`,
);

await using opened = await openStore({
  directory,
  now: Date.now,
  onFault: (error) => {
    throw error;
  },
});
const ids = new IdSource(Date.now, opened.store.lastId);
let begun = 0;
let told = 0;

function next(operations: Operation[]): void {
  const [id, now, number] = [ids.next(), Date.now(), begun++];
  const domain = `d${number % domains}.example.net`;
  const principal = "net:loopback";
  const decision = router.decide({
    principal,
    reversePath: "bench@example.org",
    recipientDomain: domain,
    size: body.length,
    dsn: false,
    smtputf8: false,
  });
  if (!decided.has(decision.key)) operations.push({ op: "decision", key: decision.key, decision });
  decided.add(decision.key);
  const lane = lanes.find({ principal }, decision, domain);
  if (!lane.stored) operations.push({ op: "decision", key: `lane:${lane.id}`, decision: lane.description });
  lane.stored = true;
  operations.push({
    op: "accept",
    body,
    message: {
      id,
      receivedAt: now,
      principal,
      origin: { door: "smtp", clientAddress: "127.0.0.1", clientName: "client.example" },
      reversePath: "bench@example.org",
      messageIdField: `<${id.toString(36)}@bench.example>`,
      subject: "bench",
      author: "bench@example.org",
      content: { size: body.length, leadingDots: false, eightBit: false },
      prefix: Buffer.from(
        `Received: from client.example ([127.0.0.1]) by bench.example with ESMTP id ${id.toString(36)};\r\n ${new Date(now).toUTCString()}\r\n` +
          `Message-ID: <${id.toString(36)}@bench.example>\r\nDate: ${new Date(now).toUTCString()}\r\n`,
      ),
      expiresAt: now + config.queue.lifetimeMs,
    },
    recipients: [
      {
        n: 0,
        address: `user${number % 5000}@${domain}`,
        lane: lane.id,
        decision: decision.key,
        attempts: 0,
        notBefore: now,
        state: "queued",
      },
    ],
  });
}

await Promise.all(
  Array.from({ length: callers }, async () => {
    while (begun < messages) {
      const operations: Operation[] = [];
      const upTo = Math.min(messages, begun + perCall);
      while (begun < upTo) next(operations);
      await opened.store.apply(operations);
      if (begun - told < 100_000) continue;
      told = begun;
      console.log(`${begun} of ${messages}`);
    }
  }),
);
