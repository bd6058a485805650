import type { ClientExchange } from "./client-exchange.ts";

/**
 * XOAUTH2 as Google and Microsoft define it: user and bearer token in the initial response. A refusal comes as a challenge with JSON, which
 * wants an empty answer before the server says 535.
 */
export function xoauth2Exchange(user: string, token: string): ClientExchange {
  let refused = false;
  return {
    mechanism: "XOAUTH2",
    initial: `user=${user}\u0001auth=Bearer ${token}\u0001\u0001`,
    respond() {
      if (refused) return null;
      refused = true;
      return "";
    },
  };
}
