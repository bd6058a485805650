import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { auditStore } from "./audit.ts";
import { gather, openTest, scratch } from "./support.ts";

const rounds = Number(process.env["CRASH_ROUNDS"] ?? 10);
const child = fileURLToPath(new URL("crash-child.ts", import.meta.url));

test(
  `kill -9 in the middle of commits, ${rounds} times: whatever was acknowledged is there`,
  { timeout: 30_000 + rounds * 5000 },
  async () => {
    await using place = await scratch();
    const acknowledged = new Map<number, string>();
    for (let round = 0; round < rounds; round++) {
      const before = acknowledged.size;
      await runAndKill(place.directory, Math.random() * 200, acknowledged);
      assert.ok(acknowledged.size > before, "the child got nowhere");
      {
        await using opened = await openTest(place.directory);
        const { store, archive } = opened;
        assert.equal(store.totals().leased, 0);
        const newest = [...acknowledged].slice(-300);
        for (const [id, what] of newest) {
          const record = await archive.trace(id);
          assert.ok(record, `message ${id} was acknowledged (${what}) and is gone`);
          const state = record.recipients[0]?.state;
          if (what === "relayed") assert.equal(state, "relayed", `message ${id}`);
          // Its settlement may have been committed and not yet told.
          else if (what === "large" || id % 3 !== 1) assert.equal(state, "queued", `message ${id}`);
          if (what === "large") {
            const [entry] = await archive.list({ ids: [id] }, { limit: 1 });
            assert.ok(entry);
            const body = await gather(store.readContent(entry.message.content, id));
            assert.ok(body.equals(Buffer.alloc(150_000, "large content\r\n")), `content of ${id}`);
          }
        }
      }
      auditStore(place.directory);
    }
  },
);

async function runAndKill(directory: string, afterMs: number, acknowledged: Map<number, string>): Promise<void> {
  const running = spawn(process.execPath, [child, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  let kill: NodeJS.Timeout | undefined;
  running.stdout.on("data", (piece: Buffer) => {
    text += piece.toString();
    if (text.includes("accepted")) kill ??= setTimeout(() => running.kill("SIGKILL"), afterMs);
  });
  await once(running, "close");
  // A line that was cut off was not told.
  for (const line of text.split("\n").slice(0, -1)) {
    const [what = "", id = ""] = line.split(" ");
    if (what !== "open") acknowledged.set(Number(id), what);
  }
}
