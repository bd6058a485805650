import type { ServerExchange, ServerStep } from "./server-exchange.ts";
import { malformed, readText } from "./server-text.ts";

/** PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd`, with or without initial response. */
export class ServerPlain implements ServerExchange {
  step(response: Buffer | null): ServerStep {
    // RFC 4954 §4: without an initial response the server sends an empty challenge.
    if (response === null) return { challenge: Buffer.alloc(0) };
    const first = response.indexOf(0);
    const second = first < 0 ? -1 : response.indexOf(0, first + 1);
    if (second < 0) return malformed;
    const authorizationId = readText(response.subarray(0, first));
    const user = readText(response.subarray(first + 1, second));
    const password = readText(response.subarray(second + 1));
    if (authorizationId === null || user === null || password === null || user === "" || password === "") return malformed;
    return { credentials: { mechanism: "PLAIN", authorizationId, user, password } };
  }
}
