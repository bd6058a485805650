import assert from "node:assert/strict";
import { Dialer } from "../../src/lib/dial.ts";
import { systemResolver } from "../../src/lib/resolver.ts";
import type { Failure } from "../../src/mail/failure.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import { silentRouteLog } from "../../src/routes/route-log.ts";
import type { Delivery, Route } from "../../src/routes/route.ts";
import type { SmtpRouteOptions } from "../../src/routes/smtp/options.ts";
import { createSmtpRoute } from "../../src/routes/smtp/smtp-route.ts";

/** A route to a server on loopback, without TLS unless said otherwise. Policy time stands at 1000. */
export function routeTo(server: { readonly port: number }, options: Partial<SmtpRouteOptions> = {}): Route {
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

/** A signal that never aborts. */
export const never = new AbortController().signal;

/** The outcome of a transaction with one recipient. */
export function only(delivery: Delivery): Outcome {
  const [outcome, ...more] = delivery.outcomes.values();
  assert.equal(more.length, 0);
  assert.ok(outcome);
  return outcome;
}

/** `relayed`, or action, full status, code and scope of the failure: `failed 1.1 remote.no-such-recipient recipient`. */
export function told(outcome: Outcome): string {
  if (outcome.action === "relayed") return "relayed";
  const { code, detail, scope }: Failure = outcome.failure;
  return `${outcome.action}${outcome.action === "delayed" && outcome.inDoubt === true ? " in doubt" : ""} ${detail} ${code} ${scope}`;
}

/** The beginning of a script: greeting and EHLO of a server with the usual extensions. */
export const hello = `
  S: 220 mx.fabrikam.example ESMTP
  C: EHLO gateway.contoso.example
  S: 250-mx.fabrikam.example
  S: 250-PIPELINING
  S: 250-SIZE 1000000
  S: 250-8BITMIME
  S: 250-SMTPUTF8
  S: 250-DSN
  S: 250 ENHANCEDSTATUSCODES
`;

/** The same without any extension. */
export const plainHello = `
  S: 220 mx.fabrikam.example ESMTP
  C: EHLO gateway.contoso.example
  S: 250 mx.fabrikam.example
`;
