import type { Conversation } from "../conversation.ts";

/** STARTTLS (RFC 3207). Whatever was pipelined behind it is dropped by session.ts: it is not under TLS, so nobody vouches for it. */
export function startTls(c: Conversation, parameters: string): void {
  if (c.secure) return c.fail(c.replies.tlsAlready);
  if (c.options.startTls !== true) return c.fail(c.replies.tlsNotOffered);
  // RFC 3207 §4: 501 with parameters.
  if (parameters !== "") return c.fail(c.replies.noParameters);
  c.say(c.replies.startTlsOk);
  c.mode = "tls";
}
