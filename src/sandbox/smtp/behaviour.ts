import type { Reply } from "../../mail/reply.ts";

/** What a receiver does instead of its usual answer: asked for by a magic address or by a fault. */
export type Behaviour =
  /** Says this. 421 also ends the connection (RFC 5321 §3.8). */
  | { readonly kind: "reply"; readonly reply: Reply; readonly retryAfterSeconds?: number }
  /** Waits, in wall time, then goes on as usual. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Never answers; the connection stays until the client leaves. */
  | { readonly kind: "hang" }
  /** Cuts the connection without an answer. `keep`: a message that was complete is kept, so the sender is in doubt. */
  | { readonly kind: "drop"; readonly keep: boolean };

/** Where in the dialogue a behaviour shows; `request` is a whole request of a service that speaks HTTP. */
export const stages = ["connect", "mail", "rcpt", "data", "request"] as const;
export type Stage = (typeof stages)[number];
