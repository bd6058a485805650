import type { Dialer } from "../../lib/dial.ts";
import type { Route, RouteTraits } from "../route.ts";
import type { RouteLog } from "../route-log.ts";
import { Attempt } from "../smtp-client/attempt.ts";
import { hasUtf8Header } from "../smtp-client/utf8-header.ts";
import { type SmtpRouteOptions, withDefaults } from "./options.ts";
import type { Tokens } from "./token-auth.ts";
import { Pool } from "../smtp-client/pool.ts";
import { probeNextHop } from "./probe.ts";

/**
 * The way out by SMTP, for every next hop that speaks it.
 *
 * Promises: one round trip for each message over kept connections, where the server knows PIPELINING (connection.ts); an outcome for each
 * recipient by its own reply; nothing is sent that the server said it cannot take (size, 8-bit, UTF-8); a message whose last byte went
 * out without an answer is in doubt, and no other is; troubles of the whole next hop (greeting, TLS, log-in) delay mail and never bounce it.
 * Does not: convert content, look up MX records, decide about retries.
 *
 * RFC 5321, RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 3207 (STARTTLS),
 * RFC 4954 (AUTH), RFC 2034 (enhanced codes).
 *
 * attempt.ts one call of deliver · pool.ts who gets which connection · open.ts handshake · connection.ts transactions · channel.ts socket,
 * parser, timer · classify.ts what a reply means.
 */
export function createSmtpRoute(options: SmtpRouteOptions, deps: SmtpRouteDeps): Route {
  const settings = withDefaults(options, deps.tokens ?? null);
  const pool = new Pool(settings, deps.dialer, deps.log, deps.now);
  const traits: RouteTraits = {
    // One running and one lined up on each connection, and one at hand for the moment when a place falls free.
    concurrency: settings.maxConnections * 3,
    get maxSize() {
      return settings.maxSize ?? pool.maxSize;
    },
    maxRecipients: settings.maxRecipients,
    perDestination: false,
    keepsReversePath: true,
    keepsHeaders: true,
    smtputf8: true,
    takesNullReversePath: true,
    external: true,
    deduplicates: false,
    inDoubt: settings.inDoubt,
  };
  return {
    name: settings.name,
    kind: "smtp",
    traits,
    async deliver(transaction, signal) {
      signal.throwIfAborted();
      const utf8Header =
        transaction.envelope.smtputf8 === true && transaction.content.eightBit && (await hasUtf8Header(transaction.content));
      const attempt = new Attempt(transaction, utf8Header, signal);
      pool.add(attempt);
      return attempt.done;
    },
    probe: (signal) => probeNextHop(settings, deps.dialer, signal),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

export interface SmtpRouteDeps {
  readonly dialer: Dialer;
  readonly log: RouteLog;
  /** Of the identity that logs in; absent: it has a secret, or none. */
  readonly tokens?: Tokens | null;
  /** Policy-clock ms. */
  readonly now: () => number;
}
