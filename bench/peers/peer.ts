import type { ProcessGroup } from "../machine/process-group.ts";

/** A mail server under test. Both peers work on the same disk, durable, with their defaults. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  /** Of its SMTP listener, on loopback. */
  readonly port: number;
  readonly group: ProcessGroup;
  start(mode: Mode): Promise<void>;
  stop(): Promise<void>;
  /** Messages that wait, by its own account. */
  queued(): Promise<number>;
  /** Empties the queue while it runs. */
  purge(): Promise<void>;
}

export type Mode =
  /** Accepts and keeps. */
  | { readonly kind: "held" }
  /** Accepts and relays to a port on loopback. */
  | { readonly kind: "relay"; readonly sinkPort: number }
  /** The same directly to MX, each message signed by DKIM (RSA-2048); a peer that cannot sign relays as above. */
  | { readonly kind: "signed"; readonly sinkPort: number; readonly dnsPort: number };
