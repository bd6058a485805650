import type { Credentials } from "../smtp/server/handler.ts";
import { ServerLogin } from "./server-login.ts";
import { ServerPlain } from "./server-plain.ts";
import { ServerXoauth2 } from "./server-xoauth2.ts";

/**
 * The server's side of a SASL log-in (RFC 4422), over any protocol: decoded bytes in, challenges or credentials out. Each mechanism is a
 * file; none of them decides whether a password is right. Base64 and `*` are the protocol's matter (RFC 4954 §4).
 */
export interface ServerExchange {
  /** Takes the client's initial response (null: it sent none) or its answer to the last challenge. */
  step(response: Buffer | null): ServerStep;
}

export type ServerStep =
  | { readonly challenge: Buffer }
  | { readonly credentials: Credentials }
  /** The message does not follow the mechanism. */
  | { readonly malformed: true };

/** A fresh exchange. */
export function openExchange(mechanism: Credentials["mechanism"]): ServerExchange {
  switch (mechanism) {
    case "PLAIN":
      return new ServerPlain();
    case "LOGIN":
      return new ServerLogin();
    case "XOAUTH2":
      return new ServerXoauth2();
  }
}
