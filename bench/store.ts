/**
 * What the store costs. `node bench/store.ts [rates|fill N|contents]`
 *
 * rates: accept and settle of 4 KB messages at 1, 10 and 50 callers at a time, as the gateway does it: accepted leased, settled as relayed
 * after. fill: N queued messages, then memory, opening and claiming. contents: 100 KB and 1 MB into segments.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type OpenStore } from "../src/store/sqlite/open-store.ts";
import { acceptOf, recipientOf } from "../src/store/sqlite/support.ts";
import type { Operation } from "../src/queue/store.ts";

const body = Buffer.alloc(4096, "The quick brown fox jumps over the lazy dog.\r\n");
const prefix = Buffer.alloc(300, "Received: from printer.contoso.example\r\n");
let nextId = Math.floor(Date.now() - Date.UTC(2025, 0, 1)) * 4096;

function open(directory: string): Promise<OpenStore> {
  return openStore({
    directory,
    now: () => Date.now(),
    onFault: (error) => console.error(error),
    onTrouble: (what) => console.error(what),
  });
}

function accept(id: number, state: "leased" | "queued", lane = 1): Operation {
  const now = Date.now();
  return acceptOf(
    id,
    [recipientOf(0, state, { lane, notBefore: now, address: `user${id % 5000}@contoso.example`, decision: "9f8e7d6c5b4a3210" })],
    body,
    {
      receivedAt: now,
      expiresAt: now + 172_800_000,
      prefix,
      messageIdField: `<${id.toString(36)}.4711@printer.contoso.example>`,
      content: { size: body.length, leadingDots: false, eightBit: false },
    },
  );
}

function settle(id: number): Operation {
  const now = Date.now();
  const text = `250 2.0.0 Ok: queued as ${id.toString(36).toUpperCase()}`;
  return {
    op: "settle",
    messageId: id,
    recipients: [{ n: 0, from: "leased", to: "relayed", attempts: 1, text }],
    attempt: {
      at: now,
      durationMs: 3,
      route: "tenant",
      remote: "mx.contoso.example:25",
      address: "192.0.2.25",
      tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      verified: true,
    },
  };
}

interface Result {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

async function load(count: number, callers: number, work: () => Promise<void>): Promise<Result> {
  const latencies: number[] = [];
  let begun = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (begun < count) {
        begun++;
        const at = performance.now();
        await work();
        latencies.push(performance.now() - at);
      }
    }),
  );
  const ms = performance.now() - start;
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] as number;
  return { perSecond: (count / ms) * 1000, cpuUs: (used.user + used.system) / count, p50: at(0.5), p99: at(0.99), longest: at(1) };
}

function show(name: string, { perSecond, cpuUs, p50, p99, longest }: Result): void {
  const ms = (value: number): string => value.toFixed(2).padStart(8);
  console.log(
    `${name.padEnd(36)} ${perSecond.toFixed(0).padStart(7)}/s ${cpuUs.toFixed(1).padStart(7)} µs CPU  p50${ms(p50)} p99${ms(p99)} max${ms(longest)} ms`,
  );
}

async function rates(directory: string): Promise<void> {
  await using opened = await open(directory);
  const { store } = opened;
  for (const [callers, count] of [
    [1, 6000],
    [10, 20_000],
    [50, 40_000],
    [200, 40_000],
  ] as const) {
    const ids: number[] = [];
    const accepted = await load(count, callers, async () => {
      const id = ++nextId;
      await store.apply([accept(id, "leased")]);
      ids.push(id);
    });
    show(`accept, ${callers} callers`, accepted);
    show(`settle, ${callers} callers`, await load(count, callers, () => store.apply([settle(ids.pop() as number)])));
    show(
      `accept + settle, ${callers} callers`,
      await load(count, callers, async () => {
        const id = ++nextId;
        await store.apply([accept(id, "leased")]);
        await store.apply([settle(id)]);
      }),
    );
  }
}

async function fill(directory: string, count: number): Promise<void> {
  {
    await using opened = await open(directory);
    const { store } = opened;
    show(`accept queued, 50 callers, ${count}`, await load(count, 50, () => store.apply([accept(++nextId, "queued", nextId % 20)])));
    console.log(`memory ${(process.memoryUsage.rss() / 1048576).toFixed(0)} MB, totals ${JSON.stringify(store.totals())}`);
  }
  const start = performance.now();
  await using opened = await open(directory);
  const { store, archive } = opened;
  const openMs = performance.now() - start;
  const lanes = await store.lanes();
  const lanesMs = performance.now() - start - openMs;
  const first = await store.claim(lanes[0]?.lane ?? 0, Date.now() + 1, 50);
  console.log(
    `open ${openMs.toFixed(0)} ms, lanes ${lanesMs.toFixed(1)} ms, first claim (${first.messages.length}) after ${(performance.now() - start).toFixed(0)} ms`,
  );
  let lane = 0;
  const cycles = await load(Math.min(200, Math.floor(count / 200)), 4, async () => {
    const { messages } = await store.claim((lane = (lane + 1) % 20), Date.now() + 1, 50);
    await Promise.all(messages.map(({ message }) => store.apply([settle(message.id)])));
  });
  show("claim 50 + settle 50 (per 50)", cycles);
  show(
    "accept + settle beside the backlog, 50",
    await load(20_000, 50, async () => {
      const id = ++nextId;
      await store.apply([accept(id, "leased")]);
      await store.apply([settle(id)]);
    }),
  );
  const dropping = performance.now();
  let dropped = 0;
  for (let after: number | null = 0; after !== null && dropped < 30_000;) {
    const event = { at: Date.now(), what: "cancelled", text: "by bench" };
    const step = await store.change({ filter: {}, from: ["queued"], to: "cancelled", event, limit: 1000 }, after);
    dropped += step.changed;
    after = step.next;
  }
  console.log(`drop of ${dropped} in ${(performance.now() - dropping).toFixed(0)} ms`);
  const waited = performance.now();
  await archive.find({ messageIdField: "<nothing@contoso.example>", limit: 1 });
  console.log(
    `find of an unknown Message-ID ${(performance.now() - waited).toFixed(0)} ms, memory ${(process.memoryUsage.rss() / 1048576).toFixed(0)} MB`,
  );
}

async function contents(directory: string): Promise<void> {
  await using opened = await open(directory);
  const { store } = opened;
  const piece = Buffer.alloc(65_536, "x");
  for (const [size, callers, count] of [
    [102_400, 50, 4000],
    [102_400, 10, 4000],
    [1_048_576, 50, 1000],
    [1_048_576, 10, 1000],
  ] as const) {
    for (const keep of [true, false]) {
      const result = await load(count, callers, async () => {
        const writer = store.openContent();
        for (let at = 0; at < size; at += piece.length) {
          const wait = writer.write(piece.subarray(0, Math.min(piece.length, size - at)));
          if (wait !== undefined) await wait;
        }
        const extents = await writer.finish();
        const id = ++nextId;
        const operation = accept(id, "leased") as Operation & { op: "accept" };
        await store.apply([
          { ...operation, body: null, message: { ...operation.message, content: { size, leadingDots: false, eightBit: false, extents } } },
        ]);
        if (!keep) await store.apply([settle(id)]);
      });
      show(`${size / 1024} KB, ${callers} callers, ${keep ? "kept" : "settled"}`, result);
    }
  }
}

const [mode = "rates", argument = "100000"] = process.argv.slice(2);
const directory = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "postern-bench-"));
try {
  if (mode === "rates") await rates(directory);
  else if (mode === "fill") await fill(directory, Number(argument));
  else await contents(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
