import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { Dialer } from "../../lib/dial.ts";
import { systemResolver } from "../../lib/resolver.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { silentRouteLog } from "../route-log.ts";
import type { Delivery, Route } from "../route.ts";
import type { SmtpRouteOptions } from "./options.ts";
import { createSmtpRoute } from "./smtp-route.ts";

const never = new AbortController().signal;

function route(server: { port: number }, options: Partial<SmtpRouteOptions> = {}): Route {
  return createSmtpRoute(
    {
      name: "tenant",
      host: "127.0.0.1",
      port: server.port,
      tls: "none",
      allowPrivate: true,
      helloName: "gateway.contoso.example",
      ...options,
    },
    { dialer: new Dialer(systemResolver), log: silentRouteLog, now: () => 1000 },
  );
}

function outcomes(delivery: Delivery): Outcome[] {
  return [...delivery.outcomes.values()];
}

function only(delivery: Delivery): Outcome {
  const [outcome, ...more] = outcomes(delivery);
  assert.equal(more.length, 0);
  assert.ok(outcome);
  return outcome;
}

const hello = `
  S: 220 mx
  C: EHLO gateway.contoso.example
  S: 250-mx
  S: 250-PIPELINING
  S: 250-SIZE 1000000
  S: 250-8BITMIME
  S: 250-DSN
  S: 250 ENHANCEDSTATUSCODES`;

test("relays one message: envelope in one write, content in the next", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL FROM:<app@contoso.example> SIZE=*
    C: RCPT TO:<bob@fabrikam.example>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go
    C.
    S: 250 2.0.0 Ok: queued as 4ABC
    C: QUIT`);
  await using way = route(server);
  const delivery = await way.deliver(makeTransaction(), never);
  assert.deepEqual(only(delivery), { action: "relayed", text: "250 2.0.0 Ok: queued as 4ABC", remoteId: "4ABC" });
  assert.equal(delivery.session.remote, `127.0.0.1:${server.port}`);
  assert.equal(server.contents[0], "Received: by gateway.contoso.example\r\nSubject: hello\r\n\r\nbody\r\n");
  assert.equal(server.chunks[0]?.length, 3);
  server.check();
});
