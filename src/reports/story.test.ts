import assert from "node:assert/strict";
import { test } from "node:test";
import { parseId } from "../lib/ids.ts";
import { failure } from "../mail/failure-codes.ts";
import type { TraceRecord } from "../queue/archive.ts";
import type { DecisionFacts } from "./explain-decision.ts";
import { tellStory, tellWhy } from "./story.ts";

const at = (time: string): number => Date.parse(`2026-11-21T${time}Z`);

const external: DecisionFacts = {
  generation: "a1b2c3d4",
  rule: "outside",
  conditions: { class: "external", sizeUnder: 25 * 1024 ** 2 },
  recipientClass: "external",
  dsn: false,
  candidates: ["relay-a", "relay-b"],
  rejected: [{ route: "hve", reason: "external-recipient" }],
  passedOver: [
    { rule: "inside", condition: "class" },
    { rule: "newsletters", condition: "principals" },
  ],
};

const record: TraceRecord = {
  id: parseId("006YRMHE40D") ?? 0,
  receivedAt: at("11:38:00"),
  principal: "net:office",
  origin: { door: "smtp", clientAddress: "10.1.2.3", clientName: "scanner-2" },
  reversePath: "scanner@contoso.example",
  messageIdField: "<scan.17@contoso.example>",
  subject: "Scan of the day",
  author: "scanner@contoso.example",
  size: 4096,
  expiresAt: Date.parse("2026-11-23T11:38:00Z"),
  recipients: [
    { n: 0, address: "bob@fabrikam.example", decision: "k1", attempts: 1, notBefore: 0, state: "relayed", text: "250 2.0.0 queued as 17" },
    {
      n: 1,
      address: "eve@fabrikam.example",
      decision: "k1",
      attempts: 1,
      notBefore: at("11:39:10"),
      state: "queued",
      lastFailure: failure("remote.mailbox-full", { reply: { code: 452, lines: ["4.2.2 mailbox full\u001b[31m"] } }),
    },
  ],
  attempts: [
    {
      at: at("11:38:02"),
      durationMs: 340,
      route: "relay-b",
      remote: "mx.fabrikam.example:25",
      address: "192.0.2.7",
      tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      verified: true,
      results: [
        { n: 0, to: "relayed", text: "250 2.0.0 queued as 17" },
        { n: 1, to: "queued", text: "452 4.2.2 mailbox full", status: "4.2.2" },
      ],
    },
  ],
  events: [
    {
      at: at("11:38:01"),
      what: "route-switched",
      text: "relay-a (a.example:25) did not take it: No connection to the next hop; going on with relay-b",
    },
    { at: at("11:38:03"), what: "dsn-sent", text: "delay notification to scanner@contoso.example", recipients: [1] },
  ],
};

test("a story tells arrival, standing and happenings in order", () => {
  const story = tellStory(record, new Map([["k1", external]]));
  assert.deepEqual(story, [
    'Message 006YRMHE40D: "Scan of the day", Message-ID <scan.17@contoso.example>',
    "",
    '2026-11-21 11:38:00Z  Came in by the door "smtp" from scanner-2 [10.1.2.3], without encryption, trusted as a member of network "office". It was safely on disk before the sender got the answer 250.',
    "  Sender scanner@contoso.example; 4.0 KB; 2 recipients.",
    "",
    "Where it stands:",
    '  bob@fabrikam.example: relayed: the next hop took it over, saying "250 2.0.0 queued as 17".',
    '    Rule "outside" sends it by "relay-a", then "relay-b".',
    `  eve@fabrikam.example: waits for attempt 2, not before 2026-11-21 11:39:10Z. Last reason: The recipient's mailbox is full. It said: "452 4.2.2 mailbox full [31m". (4.2.2, remote.mailbox-full)`,
    '    Rule "outside" sends it by "relay-a", then "relay-b".',
    "",
    "What happened:",
    "2026-11-21 11:38:01Z  Another route: relay-a (a.example:25) did not take it: No connection to the next hop; going on with relay-b",
    '2026-11-21 11:38:02Z  Attempt 1 by route "relay-b" to mx.fabrikam.example:25 [192.0.2.7] (TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified), 340ms:',
    '    bob@fabrikam.example relayed: "250 2.0.0 queued as 17"',
    '    eve@fabrikam.example delayed 4.2.2: "452 4.2.2 mailbox full"',
    "2026-11-21 11:38:03Z  The sender was told: delay notification to scanner@contoso.example (about eve@fabrikam.example)",
    "",
    "What still waits is given up at 2026-11-23 11:38:00Z.",
  ]);
});

test("why names the rule, its reasons, the rules that did not match and the routes set aside", () => {
  assert.deepEqual(tellWhy(external), [
    "The recipient is external: its domain is not one of `routing.acceptedDomains`.",
    'Rule "outside" decides, because the recipient is external and the message is not larger than 25.0 MB.',
    'Rule "inside" above it does not match: it is for another class of recipients (`class`).',
    'Rule "newsletters" above it does not match: the one who submitted is not among its `principals`.',
    'Its routes in order: "relay-a", "relay-b". The next is used when the one before it is in trouble or at a limit.',
    'Route "hve" was set aside: it reaches internal recipients only.',
    "Decided with routing configuration a1b2c3d4.",
  ]);
});

test("why with a record tells the failover and where that recipient stands, and nothing about the others", () => {
  const lines = tellWhy(external, record, 1).join("\n");
  assert.match(lines, /going on with relay-b/);
  assert.match(lines, /Now: waits for attempt 2/);
  assert.match(lines, /The sender was told/);
  assert.doesNotMatch(lines, /bob@/);
  assert.doesNotMatch(tellWhy(external, record, 0).join("\n"), /The sender was told/);
});

test("why it went by another route, and late: the limits with their numbers", () => {
  const limit = { id: "hve.recipients-per-hour", counted: "mailbox hve@contoso.example", amount: 2000, used: 1999, windowMs: 3_600_000 };
  const [attempt] = record.attempts;
  assert.ok(attempt);
  const atLimit = [
    { route: "relay-a", limit, until: at("12:20:03") },
    { route: "relay-b", limit: { ...limit, id: "limits.at-once\u001b", amount: 2, used: 2, windowMs: 0 }, until: at("11:38:02") },
  ];
  const lines = tellStory({ ...record, attempts: [{ ...attempt, atLimit }] }, new Map());
  const told = lines.filter((line) => line.includes("limit"));
  assert.deepEqual(told, [
    '    Route "relay-a" was at its limit, with room at 2026-11-21 12:20:03Z: 1999 of 2000 in 1h used (hve.recipients-per-hour, mailbox hve@contoso.example).',
    "    It had waited for a limit of this route, until 2026-11-21 11:38:02Z: 2 of 2 under way (limits.at-once , mailbox hve@contoso.example).",
  ]);
});

test("every state has words, and no control character of a peer reaches the terminal", () => {
  for (const state of ["relayed", "queued", "leased", "inDoubt", "held", "failed", "expired", "cancelled"] as const) {
    const [recipient] = record.recipients;
    assert.ok(recipient);
    const story = tellStory({ ...record, recipients: [{ ...recipient, state, text: "250 \u001b]0;owned\u0007 ok\r\nnext" }] }, new Map());
    assert.doesNotMatch(story.join(""), /[\u0000-\u001f\u007f]/);
  }
});

test("a rule without conditions and no rule at all are explained", () => {
  assert.match(tellWhy({ ...external, conditions: {} }).join("\n"), /no conditions/);
  const none = tellWhy({ ...external, rule: null, candidates: [], rejected: [] }).join("\n");
  assert.match(none, /No rule matches/);
});

test("how it was protected, and why not better", () => {
  const told = (session: object) => {
    const attempt = { at: 0, durationMs: 1, route: "out", remote: "mx.fabrikam.example:25", address: "192.0.2.7", results: [], ...session };
    return tellStory({ ...record, attempts: [attempt] }, new Map()).find((line) => line.includes("Attempt 1")) ?? "";
  };
  const tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
  assert.match(told({ address: undefined }), / to mx\.fabrikam\.example:25, 1ms:$/);
  assert.match(
    told({ security: "plain", securityNote: "the next hop does not offer it" }),
    /\(without encryption: the next hop does not offer it\)/,
  );
  assert.match(
    told({ tls, verified: false, security: "opportunistic", securityNote: "no policy demands it" }),
    /certificate not verified: no policy demands it\)/,
  );
  assert.match(told({ tls, verified: true, security: "mta-sts" }), /certificate verified as the destination's MTA-STS policy demands\)/);
  assert.match(told({ tls, verified: false, security: "dane" }), /certificate as the destination's TLSA record \(DANE\) demands\)/);
});

test("what was heard after the end stands behind it, and where the recipient stands", () => {
  const [recipient] = record.recipients;
  assert.ok(recipient);
  const finishedAt = Date.UTC(2026, 10, 21, 12);
  const bounced = {
    at: finishedAt + 60_000,
    what: "bounced",
    text: "by mx.fabrikam.example: 550 5.1.1 \u001b[31mGone",
    recipients: [recipient.n],
  };
  const late = { ...record, recipients: [{ ...recipient, state: "relayed" as const }], finishedAt, events: [bounced] };
  const story = tellStory(late, new Map());
  assert.deepEqual(story.slice(-2), [
    "2026-11-21 12:00:00Z  Finished: no recipient waits any more.",
    "2026-11-21 12:01:00Z  Bounced later: by mx.fabrikam.example: 550 5.1.1  [31mGone",
  ]);
  assert.ok(story.some((line) => /relayed: .* It bounced later by mx\.fabrikam\.example: 550 5\.1\.1/.test(line)));
  assert.match(tellStory({ ...late, events: [] }, new Map()).at(-1) ?? "", /Finished: nothing more will happen\./);
});

test("what a reply told to do is told on, without control characters", () => {
  const [recipient] = record.recipients;
  assert.ok(recipient);
  const lastFailure = failure("route.auth-failed", { advice: "Set-CASMailbox \u001b[31mapp@contoso.example" });
  const story = tellStory({ ...record, recipients: [{ ...recipient, state: "queued", lastFailure }] }, new Map()).join("\n");
  assert.match(story, /What to do: Set-CASMailbox .*app@contoso\.example/);
  assert.doesNotMatch(story, /\u001b/);
});

test("who came by an API was answered 202", () => {
  for (const door of ["acs", "sendgrid"])
    assert.match(tellStory({ ...record, origin: { door, auth: "Bearer" } }, new Map())[2] ?? "", /before the sender got the answer 202\.$/);
});

test("what programs of this machine hand in has neither an address nor a log-in", () => {
  const arrival = (door: string, clientName?: string) =>
    tellStory({ ...record, principal: "erp", origin: { door, ...(clientName !== undefined && { clientName }) } }, new Map())[2]?.slice(22);
  assert.equal(
    arrival("sendmail", "www-data"),
    'Came in by the door "sendmail" from www-data, on this machine, as "erp". It was safely on disk before the sender got the answer 250.',
  );
  assert.equal(
    arrival("pickup"),
    'Came in by the door "pickup", a file on this machine, as "erp". It was safely on disk before the file was deleted.',
  );
});
