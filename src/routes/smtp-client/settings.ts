import type { ReplyRule } from "../../services/match-reply.ts";
import type { TLSSocket } from "node:tls";
import type { Failure } from "../../mail/failure.ts";
import type { RouteTraits } from "../route.ts";

/** A secret, or where to get it each time: a token runs out. */
export type SecretProvider = string | ((signal: AbortSignal) => string | Promise<string>);

export type AuthMechanism = "auto" | "plain" | "login" | "xoauth2";

export interface AuthSettings {
  readonly mechanism?: AuthMechanism;
  readonly user: string;
  readonly secret: SecretProvider;
  /** The server refused this secret. When `secret` then gives another one, it is tried once. */
  readonly onRefused?: (secret: string) => void;
}

/** What the client engine needs to know about one next hop, every default in place. Routes make it from their options. */
export interface Settings {
  /** Of the route: for logs. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /**
   * none: plain. opportunistic: STARTTLS when offered, certificate not verified, plain when it fails. required: STARTTLS with a verified
   * certificate, or nothing is sent. implicit: TLS from the first byte, verified.
   */
  readonly tls: "none" | "opportunistic" | "required" | "implicit";
  /** Lowest version of TLS; absent: 1.2. */
  readonly minTlsVersion?: "TLSv1" | "TLSv1.2" | "TLSv1.3";
  /** Name the certificate must carry. */
  readonly serverName: string;
  /** PEM of the authorities to trust instead of the well-known ones. */
  readonly ca?: string;
  /** The destination's own demand; then `tls` is required. */
  readonly policy?: TlsPolicy;
  /** Told beside opportunistic encryption: what is known of the destination's policy. */
  readonly securityNote?: string;
  /** Address of this machine to connect from. */
  readonly localAddress?: string;
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly auth?: AuthSettings;
  readonly authWithoutTls: boolean;
  readonly helloName: string;
  readonly maxConnections: number;
  readonly maxMessagesPerConnection: number;
  readonly maxRecipients: number;
  /** Bytes; null: what the next hop says itself. */
  readonly maxSize: number | null;
  readonly idleMs: number;
  /** The next hop may be at a loopback, private or link-local address. */
  readonly allowPrivate: boolean;
  readonly inDoubt: RouteTraits["inDoubt"];
  /** What the service's refusals mean; they come before the general rules. */
  readonly replies?: readonly ReplyRule[];
  readonly timeouts: Timeouts;
}

/** What a destination demands of the encryption with it (MTA-STS, DANE), beyond what the route does by itself. */
export interface TlsPolicy {
  /** What a connection that keeps it is protected by. */
  readonly security: "opportunistic" | "mta-sts" | "dane";
  /** Judges the certificate in place of authorities and name; null: it fits. */
  readonly judge?: (socket: TLSSocket) => Failure | null;
  /** When the certificate does not fit authorities or name. `code`: Node's (OpenSSL's) word for what is wrong. */
  readonly mistrusted: (code: string, text: string) => Failure;
  /** When there is no STARTTLS. */
  readonly notOffered: () => Failure;
}

export interface Timeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  readonly commandMs: number;
  readonly dataMs: number;
  readonly blockMs: number;
  readonly endMs: number;
}

// RFC 5321 §4.5.3.2: minimum timeouts of a client.
export const defaultTimeouts: Timeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  commandMs: 300_000,
  dataMs: 120_000,
  blockMs: 180_000,
  endMs: 600_000,
};
