import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { suite, test } from "node:test";
import { openQueueWorld, type QueueWorld } from "../../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../../test/support/scripted-route.ts";
import { until } from "../../../test/support/until.ts";
import type { Notify, Recipient } from "../../mail/envelope.ts";
import { Refusal } from "../../mail/refusal.ts";
import type { TraceRecord } from "../../queue/archive.ts";
import { readReport } from "../../wire/dsn/read-report.ts";
import { BounceAddresses } from "./bounce-addresses.ts";
import { createBounceDesk } from "./bounce-desk.ts";
import type { BounceKey } from "./bounce-token.ts";

const key: BounceKey = { number: 0, secret: createSecretKey(Buffer.alloc(32, 5)) };

/** A desk over a real queue and store, whose mail goes out by a route of the test's. */
class DeskWorld implements AsyncDisposable {
  readonly queue: QueueWorld;
  readonly route: ScriptedRoute;
  readonly results: string[] = [];
  readonly #addresses: BounceAddresses;
  readonly desk: ReturnType<typeof createBounceDesk>;

  private constructor(queue: QueueWorld, route: ScriptedRoute) {
    this.queue = queue;
    this.route = route;
    const domain = { author: "contoso.example", domain: "bounce.contoso.example", validForMs: 14 * 86_400_000 };
    this.#addresses = new BounceAddresses([domain], { current: key, byNumber: () => key }, () => queue.clock.now());
    this.desk = createBounceDesk({
      addresses: this.#addresses,
      lateNews: queue.lateNews,
      returned: (result) => void this.results.push(result),
    });
  }

  static async open(): Promise<DeskWorld> {
    const route = new ScriptedRoute("internet", () => relayed);
    return new DeskWorld(await openQueueWorld({ routes: [route] }), route);
  }

  /** Sends and waits until all is relayed. */
  async send(to: readonly (string | Recipient)[], from: string | null = "app@contoso.example"): Promise<number> {
    const id = await this.queue.send({ to, from });
    await until("all is relayed", async () => (await this.trace(id)).finishedAt !== undefined);
    return id;
  }

  /** The address that a transaction for these left with. */
  address(messageId: number, ...recipients: readonly string[]): string {
    const facts = { messageId, author: "contoso.example", recipients: recipients.map((address) => ({ address })) };
    return this.#addresses.make(facts) ?? "";
  }

  take(address: string, content: string, reversePath: string | null = null): Promise<{ id: number }> {
    return this.desk.take({ address, reversePath, content: Buffer.from(content.replaceAll("\n", "\r\n"), "latin1") });
  }

  async trace(id: number): Promise<TraceRecord> {
    const record = await this.queue.opened.archive.trace(id);
    assert.ok(record);
    return record;
  }

  /** What was heard later, as `what recipients text`. */
  async heard(id: number): Promise<readonly string[]> {
    const { events } = await this.trace(id);
    return events.map(({ what, recipients = [], text }) => `${what} ${recipients.join(",")} ${text}`);
  }

  /** Notifications that left, newest last. */
  async notifications(count: number): Promise<readonly string[]> {
    const sent = () => this.route.transactions.filter(({ recipients }) => recipients[0]?.address.endsWith("contoso.example"));
    await until("the notifications have left", () => sent().length >= count);
    const texts: string[] = [];
    for (const { content } of sent()) {
      const pieces: Uint8Array[] = [];
      for await (const piece of content.stream()) pieces.push(piece);
      texts.push(Buffer.concat(pieces).toString());
    }
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue[Symbol.asyncDispose]();
  }
}

interface ReportLine {
  readonly to: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnostic?: string;
}

function report(...lines: readonly ReportLine[]): string {
  const groups = lines.map(
    ({ to, action = "failed", status = "5.1.1", diagnostic = "smtp; 550 5.1.1 No such user" }) =>
      `\nFinal-Recipient: rfc822; ${to}\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: ${diagnostic}\n`,
  );
  return `From: MAILER-DAEMON@mx.fabrikam.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nsorry\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.fabrikam.example\n${groups.join("")}\n--b--\n`;
}

const notify = (changes: Partial<Notify>): Notify => ({ never: false, success: false, failure: false, delay: false, ...changes });

suite("what comes back to bounce addresses", () => {
  test("a failure becomes an event of the finished message and a notification to its sender, once", async () => {
    await using world = await DeskWorld.open();
    const id = await world.send(["bob@fabrikam.example"]);
    const address = world.address(id, "bob@fabrikam.example");
    assert.equal(world.desk.check(address), null);
    const returned = report({ to: "bob@fabrikam.example" });
    // At the same time, and again later: as a server that lost our answer.
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => world.take(address, returned))), [{ id }, { id }, { id }]);
    assert.deepEqual(await world.take(address, returned), { id });
    assert.deepEqual(world.results.toSorted(), ["known", "known", "known", "report"]);
    assert.deepEqual(await world.heard(id), [
      "bounced 0 by mx.fabrikam.example: 550 5.1.1 No such user",
      "dsn-sent 0 failure notification to app@contoso.example",
    ]);
    const [text = "", ...more] = await world.notifications(1);
    assert.equal(more.length, 0);
    const [fate] = readReport(Buffer.from(text))?.recipients ?? [];
    assert.deepEqual(fate?.addresses, ["bob@fabrikam.example"]);
    assert.deepEqual(fate?.reply, { code: 550, lines: ["5.1.1 No such user"] });
    assert.equal(fate?.remoteMta, "mx.fabrikam.example");
    assert.match(text, /^To: <app@contoso\.example>/m);
    assert.match(text, new RegExp(`\\r\\nMessage-ID: <${id}@test\\.example>\\r\\n\\r\\n--`), "the original is named");
    const { recipients } = await world.trace(id);
    assert.equal(recipients[0]?.state, "relayed", "no state was moved");
    assert.ok(world.queue.facts.includes("heard bob@fabrikam.example failed 550 5.1.1 No such user"));
  });

  test("who wants no notification gets none; the event is there", async () => {
    await using world = await DeskWorld.open();
    const to: Recipient[] = [
      { address: "never@fabrikam.example", notify: notify({ never: true }) },
      { address: "success@fabrikam.example", notify: notify({ success: true }) },
    ];
    for (const recipient of to) {
      const id = await world.send([recipient]);
      await world.take(world.address(id, recipient.address), report({ to: recipient.address }));
      assert.deepEqual((await world.heard(id)).length, recipient.notify?.success === true ? 2 : 1, "event, and what was told on relaying");
    }
    const id = await world.send(["bob@fabrikam.example"], null);
    await world.take(world.address(id, "bob@fabrikam.example"), report({ to: "bob@fabrikam.example" }));
    assert.deepEqual(await world.heard(id), ["bounced 0 by mx.fabrikam.example: 550 5.1.1 No such user"]);
    const [only, ...more] = await world.notifications(1);
    assert.match(only ?? "", /^Subject: Passed on: /m, "only what was asked for: the success");
    assert.equal(more.length, 0);
  });

  test("success that another server reports is told to who asked for it; delays and expansions are noted", async () => {
    await using world = await DeskWorld.open();
    const id = await world.send([
      { address: "bob@fabrikam.example", notify: notify({ success: true, failure: true }) },
      "eve@fabrikam.example",
    ]);
    const address = world.address(id, "bob@fabrikam.example", "eve@fabrikam.example");
    const before = (await world.notifications(1)).length;
    const delivered = { action: "delivered", status: "2.0.0", diagnostic: "smtp; 250 2.0.0 done" };
    await world.take(
      address,
      report(
        { to: "bob@fabrikam.example", ...delivered },
        { to: "eve@fabrikam.example", action: "delayed", status: "4.4.1", diagnostic: "x; busy" },
      ),
    );
    assert.deepEqual((await world.heard(id)).slice(-3), [
      "delivery-reported 0 by mx.fabrikam.example: 250 2.0.0 done",
      "delay-reported 1 by mx.fabrikam.example: busy",
      "dsn-sent 0 delivered notification to app@contoso.example",
    ]);
    const text = (await world.notifications(before + 1)).at(-1) ?? "";
    assert.match(text, /^Subject: Delivered: hello/m);
    assert.match(text, /^Action: delivered\r$/m);
    assert.match(text, /put the\s+message into the mailbox/);
  });

  test("a report can speak of those whom its address was for, and of nobody else", async () => {
    await using world = await DeskWorld.open();
    const to = ["bob@fabrikam.example", "eve@fabrikam.example", "mallory@outlook.example"];
    const id = await world.send(to);
    const everybody = report(...to.map((address) => ({ to: address })), { to: "stranger@elsewhere.example" });
    await world.take(world.address(id, "bob@fabrikam.example", "eve@fabrikam.example"), everybody);
    assert.deepEqual(
      (await world.heard(id)).filter((text) => !text.startsWith("dsn-sent")),
      [
        "bounced 0 by mx.fabrikam.example: 550 5.1.1 No such user",
        "bounced 1 by mx.fabrikam.example: 550 5.1.1 No such user",
        "returned  a report about mallory@outlook.example, stranger@elsewhere.example, to whom this was not sent",
      ],
    );
    const [text = ""] = await world.notifications(1);
    assert.deepEqual(
      readReport(Buffer.from(text))?.recipients.map(({ addresses }) => addresses[0]),
      ["bob@fabrikam.example", "eve@fabrikam.example"],
      "one notification for both",
    );
  });

  test("a recipient that was forwarded comes back under another name, and is known by the address", async () => {
    await using world = await DeskWorld.open();
    const id = await world.send(["bob@fabrikam.example", "eve@fabrikam.example"]);
    await world.take(world.address(id, "eve@fabrikam.example"), report({ to: "eve@home.example" }));
    assert.equal((await world.heard(id))[0], "bounced 1 by mx.fabrikam.example: 550 5.1.1 No such user (about eve@home.example)");
  });

  test("what is no report is noted, a few times, and goes no further", async () => {
    await using world = await DeskWorld.open();
    const id = await world.send(["bob@fabrikam.example"]);
    const address = world.address(id, "bob@fabrikam.example");
    await world.take(address, "Subject: Out of office\nAuto-Submitted: auto-replied\n\nMonday\n");
    await world.take(address, "Subject: Out of office\nAuto-Submitted: auto-replied\n\nMonday\n");
    for (let n = 0; n < 20; n++) await world.take(address, `Subject: spam ${n}\n\nbuy\n`, "spammer@evil.example");
    const heard = await world.heard(id);
    assert.equal(heard[0], 'returned  an automatic message from <> came to its bounce address: "Out of office"');
    assert.equal(heard[1], 'returned  a message that is no report from spammer@evil.example came to its bounce address: "spam 0"');
    assert.equal(heard.length, 5);
    assert.equal(world.route.transactions.length, 1, "nothing was sent for it");
    // And a report is still heard.
    await world.take(address, report({ to: "bob@fabrikam.example" }));
    assert.ok((await world.heard(id)).some((text) => text.startsWith("bounced 0")));
  });

  test("while other recipients still wait, it becomes an event of the waiting message", async () => {
    await using world = await DeskWorld.open();
    world.route.answerWith((_, { address }) =>
      address.startsWith("bob")
        ? relayed
        : {
            action: "delayed",
            failure: { code: "remote.delayed", permanent: false, detail: "0.0", origin: "remote", scope: "recipient", text: "later" },
          },
    );
    const id = await world.queue.send({ to: ["bob@fabrikam.example", "eve@outlook.example"] });
    await until("bob is relayed", async () => (await world.trace(id)).recipients[0]?.state === "relayed");
    await world.take(world.address(id, "bob@fabrikam.example"), report({ to: "bob@fabrikam.example" }));
    const record = await world.trace(id);
    assert.equal(record.finishedAt, undefined);
    assert.equal(record.events[0]?.what, "bounced");
    await world.take(world.address(id, "bob@fabrikam.example"), report({ to: "bob@fabrikam.example" }));
    assert.equal(world.results.at(-1), "known");
  });

  test("a message that the history has no more is refused, and so is what was never ours", async () => {
    await using world = await DeskWorld.open();
    const gone = world.address(12_345, "bob@fabrikam.example");
    const refusedWith = (code: string) => (error: unknown) => error instanceof Refusal && error.failure.code === code;
    await assert.rejects(world.take(gone, report({ to: "bob@fabrikam.example" })), refusedWith("bounce.message-forgotten"));
    await assert.rejects(world.take("bob@bounce.contoso.example", ""), refusedWith("bounce.address-unknown"));
    assert.equal(world.desk.check("bob@bounce.contoso.example"), "bounce.address-unknown");
    assert.deepEqual(world.results, ["forgotten"]);
  });

  test("two messages that are each other's sender cannot keep each other busy", async () => {
    await using world = await DeskWorld.open();
    // Each notification goes to the other's bounce address, and comes back as a failure.
    const first = await world.send(["bob@fabrikam.example"]);
    const second = await world.send(["bob@fabrikam.example"], world.address(first, "bob@fabrikam.example"));
    for (let n = 0; n < 5; n++)
      for (const id of [first, second]) await world.take(world.address(id, "bob@fabrikam.example"), report({ to: "bob@fabrikam.example" }));
    assert.equal((await world.notifications(2)).length, 2);
  });
});
