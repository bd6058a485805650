import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openQueueWorld, testOptions, type QueueWorld } from "../../test/support/queue-world.ts";
import { ScriptedRoute } from "../../test/support/scripted-route.ts";
import type { Principal } from "../identity/principal.ts";
import { IdSource } from "../lib/ids.ts";
import { Refusal } from "../mail/refusal.ts";
import { createSubmit } from "./submit.ts";
import type { Incoming } from "./submission.ts";

const printer: Principal = { name: "printer", kind: "user", reversePaths: ["*"], authors: ["printer@contoso.example"] };

function begin(
  { queue, opened, clock }: QueueWorld,
  principal: Principal,
  reversePath: string | null,
  recipient = "bob@fabrikam.example",
): Incoming {
  const ids = new IdSource(() => clock.now(), opened.store.lastId);
  const submit = createSubmit({
    queue,
    store: opened.store,
    clock,
    ids,
    hostname: "gateway.contoso.example",
    postmaster: "help@contoso.example",
    options: testOptions,
    rates: { admit: () => 0, giveBack: () => undefined },
  });
  return submit({
    principal,
    origin: { door: "smtp" },
    envelope: { reversePath, recipients: [{ address: recipient }] },
    protocol: "ESMTP",
  });
}

async function refusalOf(incoming: Incoming, content: string): Promise<string | null> {
  await incoming.write(Buffer.from(content));
  try {
    await incoming.end({ size: content.length, leadingDots: false, eightBit: false }, () => true);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.failure.code;
    throw error;
  }
}

suite("submission", () => {
  test("the fence of authors holds for the From field that we add", async () => {
    await using world = await openQueueWorld({ routes: [next()] });
    const content = "Subject: hello\r\n\r\nbody\r\n";
    assert.equal(await refusalOf(begin(world, printer, "director@contoso.example"), content), "submission.author-not-allowed");
    // Content without any field gets the same header section.
    assert.equal(await refusalOf(begin(world, printer, "director@contoso.example"), "body\r\n"), "submission.author-not-allowed");
    assert.equal(await refusalOf(begin(world, printer, "printer@contoso.example"), content), null);
    // Nothing is added for the null reverse-path.
    assert.equal(await refusalOf(begin(world, printer, null), content), null);
    const named = `From: printer@contoso.example\r\n${content}`;
    assert.equal(await refusalOf(begin(world, printer, "bounces@contoso.example"), named), null);
  });

  test("mail for <Postmaster> goes to the postmaster of the configuration", async () => {
    const out = next();
    await using world = await openQueueWorld({ routes: [out] });
    assert.equal(await refusalOf(begin(world, printer, "printer@contoso.example", "Postmaster"), "Subject: hello\r\n\r\nbody\r\n"), null);
    await world.queue.dispatcher.atRest();
    assert.deepEqual(
      out.transactions.flatMap(({ recipients }) => recipients.map(({ address }) => address)),
      ["help@contoso.example"],
    );
  });

  test("a message's priority is its principal's, else its header tells; and it is stored with it", async () => {
    const out = next();
    await using world = await openQueueWorld({ routes: [out] });
    world.queue.dispatcher.pause(out.name);
    const priorityOf = async (principal: Principal, fields: string): Promise<string | undefined> => {
      assert.equal(await refusalOf(begin(world, principal, "printer@contoso.example"), `${fields}\r\nbody\r\n`), null);
      const entries = await world.opened.archive.list({}, { limit: 100 });
      return entries.at(-1)?.message.priority;
    };
    assert.equal(await priorityOf(printer, "Subject: reset\r\n"), undefined);
    for (const keyword of ["bulk", "LIST", "junk"]) assert.equal(await priorityOf(printer, `Precedence: ${keyword}\r\n`), "bulk", keyword);
    assert.equal(await priorityOf(printer, "Precedence: first-class\r\n"), undefined);
    assert.equal(await priorityOf(printer, "List-Unsubscribe: <https://contoso.example/u>\r\n"), "bulk");
    assert.equal(await priorityOf({ ...printer, priority: "transactional" }, "Precedence: bulk\r\n"), undefined);
    assert.equal(await priorityOf({ ...printer, priority: "bulk" }, "Subject: news\r\n"), "bulk");
  });

  test("a long header section in tiny pieces is read in linear time", async () => {
    await using world = await openQueueWorld({ routes: [next()] });
    const incoming = begin(world, printer, "printer@contoso.example");
    await incoming.write(Buffer.from(`From: printer@contoso.example\r\n${"X-Filler: aaaaaaaaaaaaaaaaaaaa\r\n".repeat(1000)}`));
    // Each piece made the whole section be copied and read again: some 40 µs each here, more with each byte.
    const begun = process.cpuUsage();
    for (let n = 0; n < 100_000; n++) await incoming.write(a);
    const { user, system } = process.cpuUsage(begun);
    incoming.abort();
    assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`);
  });
});

const a = Buffer.from("a");

function next(): ScriptedRoute {
  return new ScriptedRoute("next", () => ({ action: "relayed", text: "ok" }));
}
