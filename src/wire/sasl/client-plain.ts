import type { ClientExchange } from "./client-exchange.ts";

/** RFC 4616: everything in the initial response; no authorization identity. */
export function plainExchange(user: string, password: string): ClientExchange {
  return { mechanism: "PLAIN", initial: `\0${user}\0${password}`, respond: () => null };
}
