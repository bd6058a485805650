import assert from "node:assert/strict";
import { suite, test } from "node:test";
import mail from "@sendgrid/mail";
import PostalMime from "postal-mime";
import { formatId } from "../../src/lib/ids.ts";
import type { Transaction } from "../../src/routes/route.ts";
import { openApiDoor, type ApiDoor, type ApiDoorOptions } from "../support/api-door.ts";
import { relayed, ScriptedRoute } from "../support/scripted-route.ts";

const key = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
const slowKey = "SG.slow.0123456789abcdefghijklmnopqrstuvwxyz";
const principals: ApiDoorOptions["principals"] = [
  { name: "shop", reversePaths: ["@contoso.example"], recipients: ["@fabrikam.example"], logins: [{ user: "apikey", key }] },
  { name: "slow", reversePaths: ["@contoso.example"], logins: [{ user: "apikey", key: slowKey }], rate: { messages: 3, perMs: 3_600_000 } },
];

type MailDataRequired = Parameters<typeof mail.sendMultiple>[0];

/** The official client; nothing but its base URL and its key is ours. There is one of it in a process. */
function mailer({ baseUrl }: ApiDoor, apiKey = key): typeof mail {
  const { client } = mail as unknown as { readonly client: { setDefaultRequest(key: "baseUrl", value: string): void } };
  mail.setApiKey(apiKey);
  client.setDefaultRequest("baseUrl", baseUrl);
  return mail;
}

interface Refused {
  readonly code: number;
  readonly errors: readonly { readonly message: string; readonly field: string | null; readonly help: string | null }[];
  readonly headers: Readonly<Record<string, string>>;
}

async function refused(sending: Promise<unknown>): Promise<Refused> {
  const error = await sending.then(
    () => assert.fail("it was taken"),
    (reason: unknown) => reason as { code: number; response: { body: { errors: Refused["errors"] }; headers: Refused["headers"] } },
  );
  return { code: error.code, errors: error.response.body.errors, headers: error.response.headers };
}

async function contentOf({ content }: Transaction): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content.stream()) pieces.push(piece);
  return Buffer.concat(pieces);
}

suite("an application written for @sendgrid/mail", { timeout: 120_000 }, () => {
  const hello: MailDataRequired = { to: "ann@fabrikam.example", from: "shop@contoso.example", subject: "Hello", text: "Hello Ann" };

  test("one message for each personalization, with what it carries, and blind copies stay blind", async () => {
    const contents = new Map<string, Buffer>();
    const route = new ScriptedRoute("next", async (transaction) => {
      contents.set(transaction.recipients.map(({ address }) => address).join(" "), await contentOf(transaction));
      return relayed;
    });
    await using api = await openApiDoor({ routes: [route], principals });
    const image = Buffer.from([0, 1, 2, 255]);
    // The client sends the name that its types know (`contentId`) as it is, and SendGrid refuses that as well.
    const contentId = { content_id: "logo" };
    const [response] = await mailer(api).send({
      from: { email: "shop@contoso.example", name: "Jörgs Laden" },
      replyTo: "help@contoso.example",
      subject: "Order {{order}}",
      personalizations: [
        {
          to: [{ email: "ann@fabrikam.example", name: "Änne" }],
          cc: ["cc@fabrikam.example"],
          bcc: ["blind@fabrikam.example"],
          substitutions: { order: "7", name: "Ann" },
          headers: { "X-Order": "7" },
          customArgs: { order: "7" },
        },
        { to: ["bob@fabrikam.example"], substitutions: { order: "8", name: "Bob" } },
      ],
      content: [
        { type: "text/plain", value: "Grüße, {{name}}" },
        { type: "text/html", value: '<p>{{name}} <img src="cid:logo"></p>' },
      ],
      attachments: [
        { content: image.toString("base64"), filename: "logo.png", type: "image/png", disposition: "inline", ...contentId },
        { content: image.toString("base64"), filename: "Rechnung.pdf", type: "application/pdf", disposition: "attachment" },
      ],
      categories: ["orders"],
      trackingSettings: { clickTracking: { enable: true, enableText: false } },
    });
    assert.equal(response.statusCode, 202);
    assert.equal(response.headers["x-postern-not-done"], "click_tracking");
    await api.world.queue.dispatcher.atRest();
    assert.deepEqual([...contents.keys()], ["ann@fabrikam.example cc@fabrikam.example blind@fabrikam.example", "bob@fabrikam.example"]);
    const [first, second] = await Promise.all([...contents.values()].map((bytes) => PostalMime.parse(bytes)));
    assert.deepEqual([first?.subject, second?.subject], ["Order 7", "Order 8"]);
    assert.deepEqual(first?.from, { address: "shop@contoso.example", name: "Jörgs Laden" });
    assert.deepEqual(first?.to, [{ address: "ann@fabrikam.example", name: "Änne" }]);
    assert.deepEqual(
      first?.cc?.map(({ address }) => address),
      ["cc@fabrikam.example"],
    );
    assert.deepEqual(
      first?.replyTo?.map(({ address }) => address),
      ["help@contoso.example"],
    );
    assert.equal(first?.headers.find((field) => field.key === "x-order")?.value, "7");
    assert.equal(
      second?.headers.find((field) => field.key === "x-order"),
      undefined,
    );
    assert.equal(first?.text?.trim(), "Grüße, Ann");
    assert.equal(second?.html?.trim(), '<p>Bob <img src="cid:logo"></p>');
    assert.deepEqual(
      first?.attachments.map(({ filename, disposition, contentId, content }) => [
        filename,
        disposition,
        contentId,
        Buffer.from(content as ArrayBuffer).equals(image),
      ]),
      [
        ["logo.png", "inline", "<logo>", true],
        ["Rechnung.pdf", "attachment", undefined, true],
      ],
    );
    for (const bytes of contents.values()) assert.doesNotMatch(bytes.toString("latin1"), /blind@/);
    const ids = api.facts.map((fact) => Number(/^accepted shop (\d+)$/.exec(fact)?.[1]));
    assert.equal(response.headers["x-message-id"], formatId(ids[0] ?? 0));
    const entry = await api.world.opened.archive.trace(ids[0] ?? 0);
    assert.match(JSON.stringify(entry), /sendgrid-api.*categories orders.*not done: click_tracking/);
  });

  test("send_at: it is kept until its time", async () => {
    const route = new ScriptedRoute("next", () => relayed);
    await using api = await openApiDoor({ routes: [route], principals });
    const at = Math.floor(api.world.clock.now() / 1000) + 3600;
    await mailer(api).send({ ...hello, sendAt: at });
    await api.world.advance(3_500_000);
    assert.equal(route.transactions.length, 0);
    await api.world.advance(200_000);
    assert.equal(route.transactions.length, 1);
  });

  test("sandbox mode: everything is read, nothing is sent", async () => {
    const route = new ScriptedRoute("next", () => relayed);
    await using api = await openApiDoor({ routes: [route], principals });
    const sandbox = { mailSettings: { sandboxMode: { enable: true } } };
    const [response] = await mailer(api).send({ ...hello, ...sandbox });
    assert.equal(response.statusCode, 200);
    assert.equal((await refused(mailer(api).send({ ...hello, ...sandbox, to: "nobody" }))).code, 400);
    assert.equal((await refused(mailer(api).send({ ...hello, ...sandbox, from: "a@fabrikam.example" }))).code, 403);
    await api.world.queue.dispatcher.atRest();
    assert.deepEqual([route.transactions.length, (await api.world.opened.archive.list({}, { limit: 10 })).length], [0, 0]);
  });

  test("what is refused is refused in SendGrid's form, and nothing of it is taken", async () => {
    const route = new ScriptedRoute("next", () => relayed);
    await using api = await openApiDoor({ routes: [route], principals });
    const wrongKey = await refused(mailer(api, "SG.wrong.0123456789abcdefghijklmnopqrst").send(hello));
    assert.deepEqual(
      [wrongKey.code, wrongKey.errors],
      [401, [{ message: "The provided authorization grant is invalid, expired, or revoked", field: null, help: null }]],
    );
    mailer(api);
    const template = await refused(mail.send({ to: hello.to ?? "", from: hello.from, templateId: "d-12345" }));
    assert.deepEqual([template.code, template.errors.map(({ field }) => field)], [400, ["template_id"]]);
    const stranger = await refused(mail.send({ ...hello, from: "director@fabrikam.example" }));
    assert.equal(stranger.code, 403);
    assert.match(stranger.errors[0]?.message ?? "", /^The from address does not match a verified Sender Identity\./);
    assert.equal(stranger.errors[0]?.field, "from");
    assert.equal((await refused(mail.send({ ...hello, to: "ann@adatum.example" }))).code, 403);
    // The second message of two.
    const two = await refused(
      mail.send({
        ...hello,
        replyTo: "{{to}}@contoso.example",
        personalizations: [
          { to: ["ann@fabrikam.example"], substitutions: { to: "help" } },
          { to: ["bob@fabrikam.example"], substitutions: { to: "a b" } },
        ],
      }),
    );
    assert.equal(two.code, 400);
    await api.world.queue.dispatcher.atRest();
    assert.deepEqual([route.transactions.length, (await api.world.opened.archive.list({}, { limit: 10 })).length], [0, 0]);
    assert.ok(!api.facts.some((fact) => fact.startsWith("fault") || fact.startsWith("accepted")), api.facts.join("\n"));
  });

  test("each message counts for the rate; 429 says when to come again, and what can never go is refused for good", async () => {
    const route = new ScriptedRoute("next", () => relayed);
    await using api = await openApiDoor({ routes: [route], principals });
    mailer(api, slowKey);
    const all = (count: number): MailDataRequired => ({
      ...hello,
      personalizations: Array.from({ length: count }, (_, n) => ({ to: `p${n}@fabrikam.example` })),
    });
    assert.equal((await refused(mail.send(all(4)))).code, 400);
    assert.equal((await mail.send(all(2)))[0].statusCode, 202);
    const { code, errors, headers } = await refused(mail.send(all(2)));
    assert.deepEqual([code, errors], [429, [{ message: "too many requests", field: null, help: null }]]);
    // One of three in an hour is free; another is after 20 minutes.
    assert.ok(Number(headers["retry-after"]) > 1000 && Number(headers["retry-after"]) <= 1200, headers["retry-after"]);
    await api.world.queue.dispatcher.atRest();
    assert.equal(route.transactions.length, 2);
  });

  test("large contents go to the disk; too large ones, and too many, are refused, and the memory comes back", async () => {
    const sizes: number[] = [];
    const route = new ScriptedRoute("next", async (transaction) => {
      sizes.push((await contentOf(transaction)).length);
      return relayed;
    });
    await using api = await openApiDoor({ routes: [route], principals, maxContentInMemory: 120 * 1024 * 1024 });
    const attachments = [{ content: Buffer.alloc(4 * 1024 * 1024, 1).toString("base64"), filename: "a.bin", disposition: "attachment" }];
    const people = (count: number) => Array.from({ length: count }, (_, n) => ({ to: `p${n}@fabrikam.example` }));
    assert.equal((await mailer(api).send({ ...hello, attachments, personalizations: people(3) }))[0].statusCode, 202);
    await api.world.queue.dispatcher.atRest();
    assert.deepEqual(
      sizes.map((size) => Math.floor(size / 1024 / 1024)),
      [5, 5, 5],
    );
    // 12 times 5.5 MB would be more than 64 MB.
    assert.equal((await refused(mailer(api).send({ ...hello, attachments, personalizations: people(12) }))).code, 413);
    const larger = [{ content: "A".repeat(32 * 1024 * 1024), filename: "a.bin", disposition: "attachment" }];
    assert.equal((await refused(mailer(api).send({ ...hello, attachments: larger }))).code, 413);
    assert.equal((await mailer(api).send(hello))[0].statusCode, 202);
  });
});
