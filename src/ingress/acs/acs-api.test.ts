import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { suite, test } from "node:test";
import PostalMime from "postal-mime";
import { AcsDoorUnderTest, acsKey, app, hello, type SendOptions } from "../../../test/support/acs-door.ts";
import type { TokenVerifier } from "../../identity/token-verifier.ts";

suite("who asks", () => {
  const refused: Readonly<Record<string, SendOptions>> = {
    "another key": { key: Buffer.from("another access key").toString("base64") },
    "another path than was signed": { signed: "/emails:send?api-version=2023-03-31" },
    "a query in another spelling": { signed: "/emails%3Asend?api-version=2025-09-01" },
    "a date 16 minutes ago": { date: new Date(Date.now() - 16 * 60_000).toUTCString() },
    "a date 16 minutes ahead": { date: new Date(Date.now() + 16 * 60_000).toUTCString() },
    "no date": { date: "yesterday" },
    "another host": { headers: { host: "gateway.contoso.example" } },
    "another body than was signed": { headers: { "x-ms-content-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } },
    "no authorization": { headers: { authorization: "" } },
    "more signed headers": { headers: { authorization: "HMAC-SHA256 SignedHeaders=date;host&Signature=AAAA" } },
    "a token where none is taken": { headers: { authorization: "Bearer a.b.c" } },
  };
  for (const [what, options] of Object.entries(refused))
    test(`${what}: 401, and nothing is taken`, async () => {
      await using door = await AcsDoorUnderTest.open();
      const { status, headers, json } = await door.send(hello, options);
      assert.deepEqual([status, json.error?.code, headers["x-ms-error-code"]], [401, "Unauthorized", "Unauthorized"]);
      assert.equal(headers["www-authenticate"], "HMAC-SHA256, Bearer");
      assert.equal(door.submit.messages.length, 0);
      assert.deepEqual(door.facts, ["logInFailed submission.bad-credentials"]);
    });

  test("a body that is not the one whose digest was signed is refused when it is there", async () => {
    await using door = await AcsDoorUnderTest.open();
    const { status } = await door.ask("POST", "/emails:send?api-version=2025-09-01", JSON.stringify(hello));
    assert.equal(status, 202);
    const other = await sendUnderSignatureOf(
      door,
      JSON.stringify(hello),
      JSON.stringify({ ...hello, senderAddress: "ceo@contoso.example" }),
    );
    assert.equal(other, 401);
    assert.equal(door.submit.messages.length, 1);
  });

  test("each key of each principal is its own; an old and a new one side by side", async () => {
    const [second, third] = ["a second key of many octets", "a third key of many octets"].map((text) =>
      Buffer.from(text).toString("base64"),
    ) as [string, string];
    await using door = await AcsDoorUnderTest.open([app, { name: "shop", acsKeys: [second, third], reversePaths: ["@shop.example"] }]);
    assert.equal((await door.send(hello, { key: second })).status, 403);
    for (const key of [second, third]) assert.equal((await door.send({ ...hello, senderAddress: "a@shop.example" }, { key })).status, 202);
    assert.deepEqual(
      door.submit.messages.map(({ draft }) => draft.principal.name),
      ["shop", "shop"],
    );
  });

  test("a token stands for its principal; when its authority cannot be asked, the client may try again", async () => {
    const tokens: TokenVerifier = {
      verify: (token) => Promise.resolve(token === "good" ? { kind: "application", clientId: "c1" } : token === "later" ? "busy" : null),
    };
    await using door = await AcsDoorUnderTest.open([{ name: "app", tokens: [{ application: "c1" }], reversePaths: ["@contoso.example"] }], {
      tokens,
    });
    const statusOf = async (token: string) => (await door.send(hello, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.deepEqual([await statusOf("good"), await statusOf("bad"), await statusOf("later")], [202, 401, 503]);
    assert.equal(door.submit.messages[0]?.draft.origin.auth, "Bearer");
  });
});

suite("what is taken", () => {
  test("everything that a request can say becomes one message and one envelope", async () => {
    await using door = await AcsDoorUnderTest.open();
    const { status, headers, json } = await door.send({
      ...hello,
      content: { subject: "Grüße\u2003aus Zürich", plainText: "Zeile 1\n.Punkt\rEnde", html: '<img src="cid:logo">ü' },
      recipients: {
        to: [{ address: "ann@fabrikam.example", displayName: 'Ann "Ä" <x@y.example>, Smith' }],
        cc: [{ address: "bob@fabrikam.example" }],
        bcc: [{ address: "carl@fabrikam.example" }, { address: "ANN@fabrikam.example" }],
      },
      replyTo: [{ address: "help@contoso.example", displayName: "Help" }],
      headers: { "X-Campaign": "Früh", "List-Unsubscribe": "<https://contoso.example/u>", "Message-ID": "<own@contoso.example>" },
      attachments: [
        { name: "Übersicht.txt", contentType: "text/plain; charset=utf-8", contentInBase64: Buffer.from("a\nb\r").toString("base64") },
        { name: "logo.png", contentType: "image/png", contentInBase64: "AAEC", contentId: "logo" },
      ],
      userEngagementTrackingDisabled: true,
    });
    assert.equal(status, 202);
    assert.deepEqual([json.status, headers["retry-after"]], ["Running", "1"]);
    assert.equal(headers["operation-location"], `http://${door.host}/emails/operations/${json.id}?api-version=2025-09-01`);
    assert.match(String(headers["x-ms-request-id"]), /^[0-9a-f-]{36}$/);
    const [message] = door.submit.messages;
    assert(message !== undefined);
    assert.equal(message.draft.envelope.reversePath, "app@contoso.example");
    assert.deepEqual(
      message.draft.envelope.recipients.map(({ address }) => address),
      ["ANN@fabrikam.example", "bob@fabrikam.example", "carl@fabrikam.example"],
    );
    assert.equal(message.content.length, message.facts.size);
    assert.doesNotMatch(message.content.toString("latin1"), /carl|[^\r]\n|\r[^\n]/);
    const mail = await PostalMime.parse(message.content);
    assert.deepEqual(mail.from, { name: "", address: "app@contoso.example" });
    assert.deepEqual(mail.to, [{ name: 'Ann "Ä" <x@y.example>, Smith', address: "ann@fabrikam.example" }]);
    assert.deepEqual(
      [mail.cc?.map(({ address }) => address), mail.replyTo?.[0]?.address],
      [["bob@fabrikam.example"], "help@contoso.example"],
    );
    assert.deepEqual([mail.subject, mail.messageId, mail.bcc], ["Grüße\u2003aus Zürich", "<own@contoso.example>", undefined]);
    assert.match(mail.html ?? "", /cid:logo">ü/);
    assert.match(mail.text ?? "", /^Zeile 1\n\.Punkt\n+Ende/);
    const field = (name: string) => mail.headers.find(({ key }) => key === name)?.value;
    assert.equal(field("list-unsubscribe"), "<https://contoso.example/u>");
    const parts = mail.attachments.map(({ filename, mimeType, contentId, disposition, content }) => ({
      filename,
      mimeType,
      contentId,
      disposition,
      content: Buffer.from(content as ArrayBuffer).toString("latin1"),
    }));
    assert.deepEqual(
      parts.sort((a, b) => String(a.filename).localeCompare(String(b.filename))),
      [
        { filename: "logo.png", mimeType: "image/png", contentId: "<logo>", disposition: "inline", content: "\0\u0001\u0002" },
        { filename: "Übersicht.txt", mimeType: "text/plain", contentId: undefined, disposition: "attachment", content: "a\nb\r" },
      ],
    );
  });

  test("fences and rate of the principal hold", async () => {
    await using door = await AcsDoorUnderTest.open([
      { ...app, recipients: ["@fabrikam.example"], maxRecipients: 2, maxMessageSize: 5000, rate: { messages: 1, perMs: 60_000 } },
    ]);
    const to = (...addresses: string[]) => ({ ...hello, recipients: { to: addresses.map((address) => ({ address })) } });
    const codes: unknown[] = [];
    for (const body of [
      { ...hello, senderAddress: "a@elsewhere.example" },
      to("a@elsewhere.example"),
      to("a@fabrikam.example", "b@fabrikam.example", "c@fabrikam.example"),
      { ...hello, content: { subject: "a", plainText: "x".repeat(6000) } },
    ])
      codes.push(await door.send(body).then(({ status, json }) => [status, json.error?.code]));
    assert.deepEqual(codes, [
      [403, "Forbidden"],
      [403, "Forbidden"],
      [400, "BadRequest"],
      [413, "RequestEntityTooLarge"],
    ]);
    assert.equal((await door.send(hello)).status, 202);
    const { status, headers, json } = await door.send(hello);
    assert.deepEqual([status, json.error?.code, headers["retry-after"]], [429, "TooManyRequests", "60"]);
    assert.equal(door.submit.messages.length, 1);
  });
});

suite("what is refused", () => {
  const address = (text: string) => ({ ...hello, recipients: { to: [{ address: text }] } });
  const attachment = (change: object) => ({
    ...hello,
    attachments: [{ name: "a", contentType: "text/plain", contentInBase64: "", ...change }],
  });
  const bodies: Readonly<Record<string, readonly [body: unknown, target: string | undefined, code?: string]>> = {
    "no JSON": ["{", undefined],
    "no UTF-8": [Buffer.from([0x22, 0xff, 0x22]).toString("latin1"), "body"],
    "a list": [[], "body"],
    nothing: ["", "body"],
    "an unknown property": [{ ...hello, importance: "high" }, "importance"],
    "an unknown property inside": [{ ...hello, content: { ...hello.content, amp: "x" } }, "content.amp"],
    __proto__: ['{"__proto__":{}}', "__proto__"],
    "no subject": [{ ...hello, content: { plainText: "x" } }, "content.subject"],
    "no text at all": [{ ...hello, content: { subject: "x" } }, "content"],
    "a subject of two lines": [{ ...hello, content: { subject: "a\r\nBcc: x@y.example", plainText: "x" } }, "content.subject"],
    "no recipients": [{ ...hello, recipients: { to: [] } }, "recipients"],
    "51 recipients": [
      { ...hello, recipients: { to: Array.from({ length: 51 }, (_, n) => ({ address: `a${n}@b.example` })) } },
      "recipients.to",
    ],
    "50 and 1 recipients": [
      {
        ...hello,
        recipients: { to: Array.from({ length: 50 }, (_, n) => ({ address: `a${n}@b.example` })), bcc: [{ address: "z@b.example" }] },
      },
      "recipients",
    ],
    "an address with a line end": [address("a@b.example\r\n"), "recipients.to[0].address", "InvalidEmailAddress"],
    "an address with NUL": [address("a\0@b.example"), "recipients.to[0].address", "InvalidEmailAddress"],
    "two addresses in one": [address("a@b.example, c@d.example"), "recipients.to[0].address", "InvalidEmailAddress"],
    "a name with its address": [address("Ann <a@b.example>"), "recipients.to[0].address", "InvalidEmailAddress"],
    "an address with a quoted local part": [address('"a@b"@c.example'), "recipients.to[0].address", "InvalidEmailAddress"],
    "a sender that is none": [{ ...hello, senderAddress: "app" }, "senderAddress", "InvalidEmailAddress"],
    "a name with a line end": [{ ...hello, replyTo: [{ address: "a@b.example", displayName: "a\nb" }] }, "replyTo[0].displayName"],
    "a header of ours": [{ ...hello, headers: { "content-TYPE": "text/html" } }, "headers.content-TYPE"],
    "a header with a line end": [{ ...hello, headers: { "X-A": "a\r\nBcc: b@c.example" } }, "headers.X-A"],
    "a header whose name is none": [{ ...hello, headers: { "X A": "a" } }, "headers.X A"],
    "one header twice": [{ ...hello, headers: { "X-A": "a", "x-a": "b" } }, "headers.x-a"],
    "headers that are none": [{ ...hello, headers: null }, "headers"],
    "a message id that is none, when it is to be checked": [
      { ...hello, headers: { "Message-ID": "guid@domain.com", "x-ms-acsemail-validate-message-id": "true" } },
      "headers.Message-ID",
    ],
    "a reserved header that is unknown": [{ ...hello, headers: { "x-ms-acsemail-urgent": "true" } }, "headers.x-ms-acsemail-urgent"],
    "no base64": [attachment({ contentInBase64: "@@@@" }), "attachments[0].contentInBase64"],
    "a media type that is none": [attachment({ contentType: "text/plain\r\nX: y" }), "attachments[0].contentType"],
    "a name of two lines": [attachment({ name: "a\nb" }), "attachments[0].name"],
    "one content id twice": [
      { ...hello, attachments: ["a", "b"].map((name) => ({ name, contentType: "image/png", contentInBase64: "", contentId: "x" })) },
      "attachments",
    ],
  };
  test("each with its code and target, and nothing is taken", async () => {
    await using door = await AcsDoorUnderTest.open();
    for (const [what, [body, target, code = "BadRequest"]] of Object.entries(bodies)) {
      const { status, headers, json } = await door.send(body);
      assert.deepEqual([what, status, json.error?.code, json.error?.target, headers["x-ms-error-code"]], [what, 400, code, target, code]);
    }
    assert.equal(door.submit.messages.length, 0);
  });

  test("versions, media types, methods and sizes", async () => {
    await using door = await AcsDoorUnderTest.open();
    const codeOf = async (answer: ReturnType<AcsDoorUnderTest["send"]>) =>
      answer.then(({ status, json }) => `${status} ${json.error?.code}`);
    assert.equal(await codeOf(door.send(hello, { version: "2021-10-01-preview" })), "400 UnsupportedApiVersionValue");
    assert.equal(await codeOf(door.ask("POST", "/emails:send", JSON.stringify(hello))), "400 MissingApiVersionParameter");
    assert.equal(
      await codeOf(door.ask("POST", "/emails:send?api-version=2025-09-01&api-version=2023-03-31", JSON.stringify(hello))),
      "400 UnsupportedApiVersionValue",
    );
    const inline = { ...hello, attachments: [{ name: "a", contentType: "image/png", contentInBase64: "", contentId: "x" }] };
    assert.equal(await codeOf(door.send(inline, { version: "2023-03-31" })), "400 BadRequest");
    assert.equal((await door.send(hello, { version: "2023-03-31" })).status, 202);
    assert.equal(await codeOf(door.send(hello, { headers: { "content-type": "text/plain" } })), "415 UnsupportedMediaType");
    assert.equal(await codeOf(door.send("x".repeat(10 * 1024 ** 2 + 1))), "413 RequestEntityTooLarge");
    assert.equal(await codeOf(door.ask("GET", "/emails:send?api-version=2025-09-01", "")), "404 NotFound");
  });

  test("an attachment that is not valid is left out when the request wishes so", async () => {
    await using door = await AcsDoorUnderTest.open();
    const body = { ...attachment({ contentInBase64: "@" }), headers: { "x-ms-acsemail-suppress-invalid-attachment": "true" } };
    assert.equal((await door.send(body)).status, 202);
    assert.doesNotMatch(door.submit.messages[0]?.content.toString() ?? "", /acsemail|attachment/i);
  });
});

suite("operations", () => {
  test("the same id twice is one message, also at the same time; another body under it is refused, another principal's id is its own", async () => {
    await using door = await AcsDoorUnderTest.open([
      app,
      { ...app, name: "shop", acsKeys: [Buffer.from("the key of the shop").toString("base64")] },
    ]);
    const id = randomUUID();
    const headers = { "operation-id": id.toUpperCase() };
    const gate = Promise.withResolvers<void>();
    door.submit.endGate = gate.promise;
    const both = [door.send(hello, { headers }), door.send(hello, { headers })];
    gate.resolve();
    assert.deepEqual(
      (await Promise.all(both)).map(({ status, json }) => [status, json.id, json.status]),
      [
        [202, id, "Running"],
        [202, id, "Running"],
      ],
    );
    assert.equal(door.submit.messages.length, 1);
    const other = await door.send({ ...hello, content: { subject: "Other", plainText: "x" } }, { headers });
    assert.deepEqual([other.status, other.json.error?.code], [409, "Conflict"]);
    assert.equal((await door.status(id, { key: Buffer.from("the key of the shop").toString("base64") })).status, 404);
    assert.equal((await door.send(hello, { headers, key: Buffer.from("the key of the shop").toString("base64") })).status, 202);
    assert.equal(door.submit.messages.length, 2);
    assert.equal((await door.send(hello, { headers: { "operation-id": "7" } })).status, 400);
  });

  test("a status is what became of the recipients", async () => {
    await using door = await AcsDoorUnderTest.open();
    const { json } = await door.send(hello);
    const id = json.id ?? "";
    const failure = { code: "remote.no-such-recipient", text: "550 5.1.1 unknown" };
    const ask = async (...states: readonly ("queued" | "held" | "relayed" | "failed" | "expired" | "cancelled")[]) => {
      door.states.set(
        1,
        states.map((state, n) => ({ address: `a${n}@b.example`, state, ...(state === "failed" ? { failure } : {}) })),
      );
      const answer = await door.status(id);
      assert.equal(answer.status, 200);
      return [answer.json.status, answer.json.error?.code, answer.headers["retry-after"]];
    };
    assert.deepEqual(await ask("relayed", "queued"), ["Running", undefined, "1"]);
    assert.deepEqual(await ask("held"), ["Running", undefined, "1"]);
    assert.deepEqual(await ask("relayed", "failed"), ["Succeeded", undefined, undefined]);
    assert.deepEqual(await ask("cancelled"), ["Canceled", "Canceled", undefined]);
    assert.deepEqual(await ask("failed", "expired"), ["Failed", "EmailDropped", undefined]);
    assert.partialDeepStrictEqual((await door.status(id)).json.error, {
      details: [
        { ...{ code: failure.code, message: failure.text }, target: "a0@b.example" },
        { code: "message.expired", target: "a1@b.example" },
      ],
    });
    for (const unknown of [randomUUID(), "7", id.replace(/.$/, (char) => (char === "0" ? "1" : "0"))])
      assert.deepEqual(await door.status(unknown).then((answer) => [answer.status, answer.json.error?.code]), [404, "NotFound"]);
  });
});

/** The signature of one body over another. */
async function sendUnderSignatureOf(door: AcsDoorUnderTest, signedBody: string, sentBody: string): Promise<number> {
  const { createHash, createHmac } = await import("node:crypto");
  const date = new Date().toUTCString();
  const path = "/emails:send?api-version=2025-09-01";
  const hash = createHash("sha256").update(signedBody).digest("base64");
  const signature = createHmac("sha256", Buffer.from(acsKey, "base64"))
    .update(`POST\n${path}\n${date};${door.host};${hash}`)
    .digest("base64");
  const response = await fetch(`http://${door.host}${path}`, {
    method: "POST",
    body: sentBody,
    headers: {
      "content-type": "application/json",
      "x-ms-date": date,
      "x-ms-content-sha256": hash,
      authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
    },
  });
  await response.arrayBuffer();
  return response.status;
}
