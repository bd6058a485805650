import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { StatusView } from "../../src/admin/contract.ts";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { mountSmallDisk, skipUnlessMountable } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";
import { Reckoning } from "./reckoning.ts";

const skip = skipUnlessMountable();

test("a full disk refuses mail, keeps what it has, and goes on when there is space", { skip, timeout: 120_000 }, async (t) => {
  using folder = temporaryFolder();
  // More than 200 MB are written ahead (WAL, ballast, segments); most of the rest is somebody else's, so that the queue has little to grow.
  using disk = mountSmallDisk(folder.path, 400);
  await using sink = await RelaySink.open();
  const place = await prepareGateway(folder.path, { sink: sink.port, data: join(disk.path, "data"), freeSpaceReserve: "2MB" });
  await using gateway = await GatewayProcess.ready(place);
  const load = MailLoad.start({
    port: place.port,
    run: "full00",
    sessions: 4,
    sizeOf: (n) => (n % 6 === 1 ? 60_000 : 20_000),
    pauseMs: 3,
    reconnects: true,
  });
  try {
    const accepted = (): number => load.accepted.length;
    const refused = (): number => load.messages.filter(({ state }) => state === "refused").length;
    const isAlive = (): void => assert.equal(gateway.exit, null, gateway.log.slice(-3000));
    const nextRefusal = async (what: string): Promise<void> => {
      const before = refused();
      await until(what, () => (isAlive(), refused() > before + 10));
    };
    const nextAcceptance = async (what: string): Promise<void> => {
      const before = accepted();
      await until(what, () => (isAlive(), accepted() > before + 10));
    };
    await nextAcceptance("mail before");
    await gateway.control.post("/api/routes/sink/pause");
    disk.fill(Math.max(0, (await gateway.control.get<StatusView>("/api/status")).diskFreeBytes - 20 * 1024 * 1024));

    // The queue itself grows until nothing is left of what it may use, then somebody takes the rest.
    await nextRefusal("mail is refused because the queue has filled the disk");
    const queued = (await gateway.control.get<StatusView>("/api/status")).totals.messages;
    disk.fill();
    await nextRefusal("mail is refused on a disk without a byte");
    // What is stored can leave even now.
    await gateway.control.post("/api/routes/sink/resume");
    await until("the queue drains on a full disk", async () => {
      isAlive();
      return (await gateway.control.get<StatusView>("/api/status")).totals.messages < queued / 2;
    });
    disk.clear();
    await nextAcceptance("mail is taken again");

    // While mail leaves as it comes, what the files have is enough even now; so it has to stay.
    disk.fill();
    await gateway.control.post("/api/routes/sink/pause");
    await nextRefusal("a disk that is filled by others under load");
    await gateway.control.post("/api/routes/sink/resume");
    disk.clear();
    await nextAcceptance("mail is taken again, the second time");
  } finally {
    await load.stop();
  }
  const replies = new Set(load.messages.filter(({ state }) => state === "refused").map(({ reply }) => reply.slice(0, 9)));
  assert.deepEqual([...replies], ["452 4.3.1"]);
  const reckoned = await new Reckoning().settle(gateway, sink, load.messages, 30_000);
  t.diagnostic(JSON.stringify(reckoned));
  assert.equal(reckoned.duplicates, 0);
  const end = await gateway.stop();
  assert.equal(end.code, 0);
});

test("a start on a full disk lets mail leave; one on a read-only disk is refused in words", { skip, timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  using disk = mountSmallDisk(folder.path, 140);
  await using sink = await RelaySink.open();
  const place = await prepareGateway(folder.path, { sink: sink.port, data: join(disk.path, "data"), paused: true });
  const messages = await (async () => {
    await using before = await GatewayProcess.ready(place);
    const sent = await MailLoad.run({ port: place.port, run: "before", sessions: 1, messages: 3, sizeOf: () => 500 });
    await before.stop();
    return sent;
  })();

  disk.fill();
  {
    await using gateway = await GatewayProcess.ready(place);
    const [refused] = await MailLoad.run({ port: place.port, run: "during", sessions: 1, messages: 1, sizeOf: () => 500 });
    assert.match(refused?.reply ?? "", /^452 4\.3\.1 /);
    await gateway.control.post("/api/routes/sink/resume");
    const reckoned = await new Reckoning().settle(gateway, sink, messages, 10_000);
    assert.equal(reckoned.relayedRecipients, messages.length);
    await gateway.stop();
  }

  disk.clear();
  disk.readOnly();
  await using gateway = GatewayProcess.start(place);
  assert.equal(await gateway.ready, false);
  const { code } = await gateway.ended;
  assert.ok(code === 73 || code === 74, `${code}\n${gateway.log}`);
  assert.doesNotMatch(gateway.log, /a fault of Postern|^ +at /m);
  assert.match(gateway.log, /^postern: .*read-only/m);
});
