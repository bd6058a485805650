import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { Dialer } from "../../lib/dial.ts";
import type { Dns } from "../../lib/dns/dns.ts";
import { systemResolver } from "../../lib/resolver.ts";
import { silentRouteLog } from "../route-log.ts";
import type { Route } from "../route.ts";
import { createServiceRoute, type ServiceRouteDeps } from "./service-route.ts";
import type { SmtpServiceKind } from "./service-shapes.ts";

const day = Date.parse("2026-11-21T12:00:00Z");
const noDns = new Proxy({} as Dns, {
  get: () => () => {
    throw new Error("no name is to be looked up here");
  },
});

function routeTo(kind: SmtpServiceKind, port: number, deps: Partial<ServiceRouteDeps> = {}): Route {
  return createServiceRoute(
    {
      name: kind,
      kind,
      host: "127.0.0.1",
      port,
      tls: "none",
      allowPrivate: true,
      helloName: "gateway.contoso.example",
      ...(kind === "smtp-auth" || kind === "hve" ? { account: "app@contoso.example" } : {}),
    },
    {
      dialer: new Dialer(systemResolver),
      dns: noDns,
      log: silentRouteLog,
      now: () => day,
      tokens: null,
      isAccepted: (domain) => domain === "contoso.example",
      ...deps,
    },
  );
}

/** What a service says to the message's end, through the real client. */
const afterContent: readonly (readonly [kind: SmtpServiceKind, reply: string, expected: string, waitMinutes: number | null])[] = [
  [
    "smtp-auth",
    "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "delayed 7.233 quota.tenant route",
    30,
  ],
  ["smtp-auth", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "delayed 2.0 quota.mailbox route", null],
  [
    "smtp-auth",
    "554 5.2.252 SendAsDenied; app@contoso.example not allowed to send as boss@contoso.example; STOREDRV.Submission.Exception:SendAsDeniedException",
    "failed 2.252 sender.send-as-denied message",
    null,
  ],
  [
    "connector",
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "delayed 2.121 quota.receiver-from-sender recipient",
    20,
  ],
];

for (const [kind, reply, expected, waitMinutes] of afterContent) {
  test(`${kind}: ${reply.slice(0, 60)}: ${expected}`, async () => {
    await using server = await ScriptedSmtpServer.start(`${hello}
      begin
      C: MAIL *
      C: RCPT *
      C: DATA
      S: 250 2.1.0 ok
      S: 250 2.1.5 ok
      S: 354 go on
      C.
      S: ${reply}
      loop`);
    await using route = routeTo(kind, server.port);
    const outcome = only(await route.deliver(makeTransaction(), never));
    assert.equal(told(outcome), expected);
    const notBefore = outcome.action === "delayed" ? outcome.notBefore : undefined;
    assert.equal(notBefore, waitMinutes === null ? undefined : day + waitMinutes * 60_000);
  });
}

test("what the catalogue advises goes with the failure", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 2.1.0 ok
    S: 550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources
    S: 503 5.5.1 no
    loop`);
  await using route = routeTo("direct-send", server.port);
  const outcome = only(await route.deliver(makeTransaction({ to: ["bob@contoso.example"] }), never));
  assert.equal(told(outcome), "delayed 7.68 relay.direct-send-rejected route");
  assert.match(outcome.action === "relayed" ? "" : (outcome.failure.advice ?? ""), /inbound connector/);
});

test("an operator's value is what the route obeys", async () => {
  await using published = routeTo("hve", 9);
  await using overridden = routeTo("hve", 9, { overrides: new Map([["hve.recipients-per-message", 40]]) });
  assert.equal(published.traits.maxRecipients, 50);
  assert.equal(overridden.traits.maxRecipients, 40);
});
