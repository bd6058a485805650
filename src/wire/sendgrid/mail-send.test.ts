import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ApiRefusal } from "./api-errors.ts";
import { readMailSend, type MailSend } from "./mail-send.ts";
import { withDefaults } from "./read-personalizations.ts";
import { createSubstitution } from "./substitute.ts";

const now = Date.UTC(2026, 10, 27);

/** The smallest request there is, with changes. */
function request(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    personalizations: [{ to: [{ email: "ann@fabrikam.example" }] }],
    from: { email: "shop@contoso.example" },
    subject: "Hello",
    content: [{ type: "text/plain", value: "Hello Ann" }],
    ...changes,
  };
}

function read(changes: Readonly<Record<string, unknown>> = {}): MailSend {
  return readMailSend(request(changes), now);
}

/** Field and message of each fault. */
function faults(value: unknown): readonly string[] {
  try {
    readMailSend(value, now);
    return [];
  } catch (error) {
    if (error instanceof ApiRefusal) return error.errors.map(({ field, message }) => `${field}: ${message}`);
    throw error;
  }
}

suite("POST /v3/mail/send", () => {
  test("what a personalization does not say is the request's; what it says itself counts", () => {
    const mail = read({
      personalizations: [
        { to: [{ email: "ann@fabrikam.example", name: "Ann" }] },
        {
          to: [{ email: "bob@fabrikam.example" }],
          cc: [{ email: "cc@fabrikam.example", name: "" }],
          bcc: [{ email: "bcc@fabrikam.example" }],
          from: { email: "sales@contoso.example" },
          subject: "For Bob",
          headers: { "x-kind": "own" },
          custom_args: { order: "2" },
          send_at: now / 1000 + 60,
        },
      ],
      headers: { "X-Kind": "all", "X-Other": "1" },
      custom_args: { order: "1", shop: "a" },
      send_at: now / 1000 - 60,
      categories: ["news"],
      reply_to: { email: "help@contoso.example", name: "Help" },
    });
    const [first, second] = mail.personalizations;
    assert.deepEqual(first?.from, { email: "shop@contoso.example" });
    assert.deepEqual(
      [
        first.subject,
        first.sendAt,
        [...withDefaults(mail.headers, first.headers, true)],
        [...withDefaults(mail.customArgs, first.customArgs, false)],
      ],
      [
        "Hello",
        null,
        [
          ["X-Kind", "all"],
          ["X-Other", "1"],
        ],
        [
          ["order", "1"],
          ["shop", "a"],
        ],
      ],
    );
    assert.deepEqual([second?.from?.email, second?.subject, second?.sendAt], ["sales@contoso.example", "For Bob", now + 60_000]);
    assert.deepEqual(
      [...withDefaults(mail.headers, second?.headers ?? new Map(), true)],
      [
        ["X-Other", "1"],
        ["x-kind", "own"],
      ],
    );
    assert.deepEqual(
      [...withDefaults(mail.customArgs, second?.customArgs ?? new Map(), false)],
      [
        ["shop", "a"],
        ["order", "2"],
      ],
    );
    assert.deepEqual(second?.cc, [{ email: "cc@fabrikam.example" }]);
    assert.deepEqual(mail.replyTo, [{ email: "help@contoso.example", name: "Help" }]);
  });

  test("the form of an error is the published one", () => {
    try {
      read({ from: { email: "nobody" } });
      assert.fail("it was taken");
    } catch (error) {
      assert.ok(error instanceof ApiRefusal);
      assert.deepEqual(error.errors, [
        {
          message: "The from email does not contain a valid address.",
          field: "from.email",
          help: "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message.from",
        },
      ]);
    }
  });

  const subjectRequired =
    "subject: The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.";
  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>, readonly string[]])[] = [
    ["no personalization", { personalizations: [] }, ["personalizations: You must have at least one personalization."]],
    ["no subject", { subject: undefined }, [subjectRequired]],
    ["an empty subject", { subject: "" }, ["subject: The subject of your email must be a string at least one character in length."]],
    [
      "a line break in the subject",
      { subject: "a\r\nBcc: x@y.example" },
      ["subject: The subject of your email cannot contain control characters."],
    ],
    [
      "content that is empty, twice",
      {
        content: [
          { type: "text/plain", value: "" },
          { type: "", value: "a" },
        ],
      },
      [
        "content.0.value: The content value must be a string at least one character in length.",
        "content.1.type: The content type must be a string at least one character in length.",
      ],
    ],
    [
      "HTML before text",
      {
        content: [
          { type: "text/html", value: "a" },
          { type: "text/plain", value: "a" },
        ],
      },
      [
        "content: Following RFC\u00201341, section 7.2, if either text/html or text/plain are to be sent in your email: text/plain needs to be first, followed by text/html, followed by any other content.",
      ],
    ],
    [
      "two texts",
      {
        content: [
          { type: "text/plain", value: "a" },
          { type: "text/plain", value: "b" },
        ],
      },
      ["content: If present, text/plain and text/html may only be provided once."],
    ],
    [
      "two addresses in one",
      { personalizations: [{ to: [{ email: "a@b.example, c@d.example" }] }] },
      ["personalizations.0.to.0.email: The to email does not contain a valid address."],
    ],
    [
      "a line break in an address",
      { personalizations: [{ to: [{ email: "a@b.example\r\nBcc: c@d.example" }] }] },
      ["personalizations.0.to.0.email: The to email does not contain a valid address."],
    ],
    [
      "the same person twice",
      { personalizations: [{ to: [{ email: "a@b.example" }], cc: [{ email: "A@B.example" }] }] },
      [
        "personalizations.0: Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [A@B.example] in the personalizations.0.cc field.",
      ],
    ],
    [
      "Reply-To twice",
      { reply_to: { email: "a@b.example" }, reply_to_list: [{ email: "a@b.example" }] },
      ["reply_to: reply_to is mutually exclusive with reply_to_list."],
    ],
    ["too far ahead", { send_at: now / 1000 + 72 * 3600 + 1 }, ["send_at: Scheduling more than 72 hours in advance is forbidden."]],
    ["a reserved header", { headers: { bCC: "a@b.example" } }, ["headers.bCC: Header can not be one of the reserved keys."]],
    [
      "a header that decides the form",
      { headers: { "MIME-Version": "1.0" } },
      ["headers.MIME-Version: Header can not be one of the reserved keys."],
    ],
    [
      "a header in a header",
      { headers: { "X-A": "1\r\nBcc: a@b.example" } },
      ["headers.X-A: The header values cannot contain control characters."],
    ],
    [
      "a number as custom argument",
      { custom_args: { order: 1 } },
      ["custom_args.order: All values of custom arguments object must be strings"],
    ],
    [
      "custom arguments that are too large",
      { custom_args: { order: "x".repeat(10_000) } },
      [
        "custom_args: The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per personalization.",
      ],
    ],
    [
      "no base64",
      { attachments: [{ content: "NOT BASE64", filename: "a.txt" }] },
      ["attachments.0.content: The attachment content must be base64 encoded."],
    ],
    ["no name", { attachments: [{ content: "YQ==" }] }, ["attachments.0.filename: filename is required."]],
    [
      "a category twice",
      { categories: ["a", "a"] },
      ["categories.1: The categories must be a unique list, and you have included a more than once."],
    ],
    [
      "eleven categories",
      { categories: [..."abcdefghijk"] },
      ["categories: There is a limit of 10 categories for each email that is sent. You provided 11 categories."],
    ],
    [
      "a template",
      { template_id: "d-1", content: undefined, subject: undefined },
      ["template_id: The Template ID must be a valid template id for your account. You provided d-1. This gateway keeps no templates."],
    ],
    [
      "a batch",
      { batch_id: "x" },
      ["batch_id: This gateway keeps no batches, so that a batch could not be cancelled or paused: send without batch_id."],
    ],
    [
      "an unsubscribe group",
      { asm: { group_id: 7 } },
      ["asm.group_id: The ASM group ID must be a valid Group ID on your account. You provided 7. This gateway has no unsubscribe groups."],
    ],
    [
      "an unsubscribe link",
      { tracking_settings: { subscription_tracking: { enable: true } } },
      ["tracking_settings.subscription_tracking: This gateway adds no unsubscribe link: put one into the content."],
    ],
    [
      "a footer",
      { mail_settings: { footer: { enable: true, text: "x" } } },
      ["mail_settings.footer: This gateway adds no footer: put it into the content."],
    ],
    ["what nobody knows", { list_id: 1 }, ["list_id: Additional property list_id is not allowed"]],
    [
      "texts where objects belong",
      { custom_args: "a", from: "a@b.example" },
      ["from: Invalid type. Expected: object, given: string.", "custom_args: Invalid type. Expected: object, given: string."],
    ],
  ];
  for (const [name, changes, expected] of cases)
    test(`refused: ${name}`, () => {
      // As JSON has it: what is undefined is not there.
      assert.deepEqual(faults(JSON.parse(JSON.stringify(request(changes)))), expected);
    });

  test("1,000 recipients are taken, 1,001 are not; a subject of each message's own will do", () => {
    const people = (count: number) => [
      { to: Array.from({ length: count }, (_, n) => ({ email: `p${n}@fabrikam.example` })), subject: "own" },
    ];
    assert.equal(read({ personalizations: people(1000), subject: undefined }).personalizations[0]?.to.length, 1000);
    assert.deepEqual(faults(request({ personalizations: people(1001) })), [
      "personalizations: There is a limit of 1000 total recipients (to + cc + bcc) per request.",
    ]);
  });

  test("what is not done here and does not show is taken, and named", () => {
    const mail = read({
      ip_pool_name: "transactional",
      mail_settings: { sandbox_mode: { enable: true }, bypass_list_management: { enable: false }, footer: { enable: false } },
      tracking_settings: {
        click_tracking: { enable: true, enable_text: false },
        open_tracking: { enable: true, substitution_tag: "%pixel%" },
      },
    });
    assert.deepEqual(
      [mail.sandbox, mail.notDone, mail.openTrackingTag],
      [true, ["click_tracking", "open_tracking", "ip_pool_name"], "%pixel%"],
    );
    assert.deepEqual([read().sandbox, read().notDone], [false, []]);
  });

  test("attachments are decoded, with the ways people write base64 and content ids", () => {
    const [one, two] = read({
      attachments: [
        { content: "aGVs\r\nbG8=", filename: "a.txt" },
        { content: "aGVsbG8", filename: "b.png", type: "image/PNG", disposition: "inline", content_id: "<logo>" },
      ],
    }).attachments;
    assert.deepEqual([one?.content.toString(), one?.disposition, one?.type], ["hello", "attachment", undefined]);
    assert.deepEqual([two?.content.toString(), two?.disposition, two?.type, two?.contentId], ["hello", "inline", "image/png", "logo"]);
  });

  test("what stands in a request once is not worked on a thousand times: a large one takes its size, whatever it is", () => {
    const flood = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, "v"]));
    const own = { custom_args: { a: "1" }, headers: { "X-A": "1" } };
    const personalizations = Array.from({ length: 1000 }, (_, n) => ({ to: [{ email: `p${n}@fabrikam.example` }], ...own }));
    for (const property of ["custom_args", "headers", "sections", "mail_settings", "asm"]) {
      const begun = process.cpuUsage();
      assert.notDeepEqual(faults(request({ personalizations, [property]: flood })), []);
      const { user, system } = process.cpuUsage(begun);
      // Each of a hundred thousand entries for each of a thousand messages took minutes.
      assert.ok(user + system < 2_000_000, `${property}: ${(user + system) / 1000} ms`);
    }
  });

  test("whatever JSON comes, it is read or refused", () => {
    const some = fc.oneof(
      fc.jsonValue(),
      fc.record({ email: fc.oneof(fc.string(), fc.constant("a@b.example")), name: fc.string() }, { requiredKeys: [] }),
    );
    const lists = fc.oneof(some, fc.array(some, { maxLength: 4 }));
    const value = fc.record(
      {
        personalizations: fc.oneof(
          lists,
          fc.array(fc.record({ to: lists, cc: lists, headers: some, substitutions: some, send_at: some }, { requiredKeys: [] })),
        ),
        from: some,
        reply_to: some,
        reply_to_list: lists,
        subject: some,
        content: lists,
        attachments: fc.oneof(lists, fc.array(fc.record({ content: fc.string(), filename: fc.string(), content_id: some }))),
        sections: some,
        asm: some,
        mail_settings: some,
        tracking_settings: fc.record({ open_tracking: some }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), value), (given) => void faults(given)),
      { numRuns: 2000 },
    );
  });
});

suite("substitutions", () => {
  test("the longest tag counts, values are not looked at again, and nothing in a tag or value is a pattern", () => {
    const substitute = createSubstitution(
      new Map([
        ["-name-", "-name-2 $&"],
        ["-name-2", "Bob"],
        ["[.*]", "dot"],
        ["\\", "back"],
      ]),
    );
    assert.equal(substitute("-name- -name-2 [.*] x \\"), "-name-2 $& Bob dot x back");
    assert.equal(createSubstitution(new Map())("-name-"), "-name-");
  });
});
