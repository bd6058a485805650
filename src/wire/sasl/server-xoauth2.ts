import type { ServerExchange, ServerStep } from "./server-exchange.ts";
import { malformed, readText } from "./server-text.ts";

/**
 * XOAUTH2, as Google defined and Microsoft took it over: `user=NAME ^A auth=Bearer TOKEN ^A ^A` (^A is 0x01).
 *
 * MS learn.microsoft.com "Authenticate an IMAP, POP or SMTP connection using OAuth" (read 2026-11-21): that form, in one response. Other
 * `key=value` fields between are passed over.
 */
export class ServerXoauth2 implements ServerExchange {
  step(response: Buffer | null): ServerStep {
    if (response === null) return { challenge: Buffer.alloc(0) };
    const text = readText(response);
    if (text === null || !text.endsWith("\u0001\u0001")) return malformed;
    let user: string | null = null;
    let token: string | null = null;
    for (const field of text.slice(0, -2).split("\u0001", 16)) {
      const equals = field.indexOf("=");
      if (equals <= 0) return malformed;
      const key = field.slice(0, equals).toLowerCase();
      const value = field.slice(equals + 1);
      if (key === "user" && user === null) user = value;
      else if (key === "auth" && token === null) token = bearer.exec(value)?.[1] ?? null;
      else if (key === "user" || key === "auth") return malformed;
    }
    if (user === null || user === "" || token === null) return malformed;
    return { credentials: { mechanism: "XOAUTH2", user, token } };
  }
}

// RFC 6750 §2.1: the characters of a bearer token.
const bearer = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
