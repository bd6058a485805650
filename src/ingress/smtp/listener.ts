import { createServer, type Server, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { addressGroup, plainAddress } from "../../lib/cidr.ts";
import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import type { Principal } from "../../identity/principal.ts";
import { LruMap } from "../../lib/lru.ts";
import { TokenBucket } from "../../lib/rate.ts";
import { formatReply } from "../../wire/smtp/format-reply.ts";
import { renderFailure } from "../../wire/smtp/render.ts";
import type { AuthMechanism, SessionOptions } from "../../wire/smtp/server/session.ts";
import { BounceSession } from "./bounce-session.ts";
import { ClientSession } from "./client-session.ts";
import { Connection } from "./connection.ts";
import type { DoorSession } from "./door-session.ts";
import { secureContextFor } from "./listener-tls.ts";
import { bindLocally } from "./local-socket.ts";
import { smtpListenerDefaults as defaults, type ListenerOptions } from "./options.ts";
import type { SmtpDoor } from "./smtp-door.ts";

/** Connections that the kernel keeps for us while we are busy. */
const backlog = 2048;
/** Addresses whose rate is remembered. */
const maxBuckets = 10_000;
const mechanisms: readonly AuthMechanism[] = ["PLAIN", "LOGIN"];

/** One listening socket of the door, with its rules: who may connect, how many, and what a session offers. */
export class Listener {
  readonly door: SmtpDoor;
  readonly options: ListenerOptions;
  readonly implicitTls: boolean;
  readonly requiresLogIn: boolean;
  /** For strangers who hand mail back. */
  readonly isBounce: boolean;
  readonly idleTicks: number;
  readonly dataTicks: number;
  /** For the next handshake; null: no certificate, so neither TLS nor log-in. */
  secureContext: SecureContext | null;
  readonly connections = new Set<Connection>();
  readonly #server: Server;
  readonly #plainOptions: SessionOptions;
  readonly #secureOptions: SessionOptions;
  /** Connections by client; an entry lives as long as a connection does. */
  readonly #byClient = new Map<string, number>();
  readonly #buckets = new LruMap<string, TokenBucket>(maxBuckets);

  /** @throws Error when the kind needs what the options lack. */
  constructor(door: SmtpDoor, options: ListenerOptions) {
    const { kind, tls } = options;
    this.door = door;
    this.options = options;
    this.implicitTls = kind === "submissions";
    this.requiresLogIn = kind === "submission" || kind === "submissions";
    this.isBounce = kind === "bounce";
    if (tls === undefined && kind !== "relay" && kind !== "bounce" && kind !== "sendmail")
      throw new Error(`listener ${options.name} needs a certificate (tls)`);
    if (kind === "legacy" && options.networks === undefined) throw new Error(`listener ${options.name} needs networks`);
    this.secureContext = tls === undefined || kind === "sendmail" ? null : secureContextFor(kind, tls);
    this.idleTicks = ticks(options.idleTimeoutMs ?? defaults.idleTimeoutMs);
    this.dataTicks = ticks(options.dataTimeoutMs ?? defaults.dataTimeoutMs);
    this.#plainOptions = this.#optionsFor(false);
    this.#secureOptions = this.#optionsFor(true);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.on("error", (error) => door.deps.log.fault(null, error));
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** A Unix socket has its path for an address, and port 0. */
  get boundTo(): { readonly address: string; readonly port: number } | null {
    const bound = this.#server.address();
    if (bound === null) return null;
    return typeof bound === "string" ? { address: this.options.address, port: 0 } : { address: bound.address, port: bound.port };
  }

  async listen(): Promise<void> {
    const { local, name, address, port } = this.options;
    if (local === undefined) await this.#listenAt(address, port);
    else await bindLocally(this.#server, local, backlog);
    const bound = this.boundTo;
    if (bound !== null) this.door.deps.log.listening(name, bound.address, bound.port);
  }

  #listenAt(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ host, port, backlog }, () => {
      this.#server.off("error", reject);
      resolve();
    });
    return promise;
  }

  /** Stops accepting; connections go on. */
  stop(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Takes another certificate for handshakes from now on; connections keep theirs. */
  useCertificate(certificate: { readonly cert: string; readonly key: string }): void {
    if (this.options.kind !== "sendmail") this.secureContext = secureContextFor(this.options.kind, certificate);
  }

  openSession(connection: Connection, network: Principal | null): DoorSession {
    return this.isBounce ? new BounceSession(connection, this) : new ClientSession(connection, this, network);
  }

  /** bounce: whether this address may hand over one more message now. Wall time. */
  admits(address: string): boolean {
    const { messages, perMs } = this.options.rate ?? defaults.bounce.rate;
    const group = addressGroup(address);
    const now = Date.now();
    let bucket = this.#buckets.get(group);
    if (bucket === undefined) this.#buckets.set(group, (bucket = new TokenBucket(messages, perMs, now)));
    return bucket.take(now) === 0;
  }

  sessionOptions(secure: boolean): SessionOptions {
    return secure ? this.#secureOptions : this.#plainOptions;
  }

  /** Every connection has said its last. */
  isDone(): boolean {
    for (const connection of this.connections) if (!connection.isDone) return false;
    return true;
  }

  removed(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    const group = addressGroup(connection.address);
    const count = (this.#byClient.get(group) ?? 1) - 1;
    if (count === 0) this.#byClient.delete(group);
    else this.#byClient.set(group, count);
    this.door.removed();
  }

  /** Who submits here without logging in. */
  whoIs(address: string): Principal | null {
    const { identity } = this.door.deps;
    const { local, name } = this.options;
    if (local !== undefined) return identity.principal(local.principal);
    return this.isBounce ? null : identity.networkOf(address, name);
  }

  #accept(socket: Socket): void {
    // A Unix socket has no addresses: its permissions have decided who may connect.
    const remoteAddress = this.options.local === undefined ? socket.remoteAddress : "";
    // Gone between accept and now.
    if (remoteAddress === undefined) return void socket.destroy();
    const address = plainAddress(remoteAddress);
    const { identity, log } = this.door.deps;
    const { networks, kind } = this.options;
    if (networks !== undefined && !networks.some((network) => identity.isInNetwork(address, network))) {
      return this.#turnAway(socket, address, "submission.network-not-trusted");
    }
    const network = this.whoIs(address);
    const group = addressGroup(address);
    const count = this.#byClient.get(group) ?? 0;
    const others = this.isBounce ? defaults.bounce.connectionsPerAddress : defaults.otherConnectionsPerAddress;
    const most = this.options.maxConnectionsPerAddress ?? (network === null ? others : defaults.trustedConnectionsPerAddress);
    // Half of a relay's connections are kept for trusted networks, so that strangers cannot shut them out.
    const maxConnections = this.options.maxConnections ?? (this.isBounce ? defaults.bounce.maxConnections : defaults.maxConnections);
    const room = network === null && kind === "relay" ? Math.ceil(maxConnections / 2) : maxConnections;
    if (count >= most || this.connections.size >= room) return this.#turnAway(socket, address, "system.too-many-connections");
    this.#byClient.set(group, count + 1);
    const connection = new Connection(this, socket, network);
    this.connections.add(connection);
    log.connected(connection);
    connection.open();
  }

  #turnAway(socket: Socket, address: string, code: FailureCode): void {
    this.door.deps.log.turnedAway(this.options.name, address, code);
    socket.on("error", ignore);
    if (this.implicitTls) return void socket.destroy();
    const reply = renderFailure(failure(code));
    // RFC 5321 §3.1: a server that does not want the connection greets with 554; one that is too busy with 421 (§3.8).
    socket.write(formatReply({ code: failure(code).permanent ? 554 : 421, lines: reply.lines }));
    socket.destroySoon();
  }

  #optionsFor(secure: boolean): SessionOptions {
    const { kind, lineEndings, maxMessageSize, maxRecipients } = this.options;
    return {
      // `postern sendmail` completes names with the name that it reads in our answer to EHLO.
      hostname: this.options.local?.domain ?? this.door.options.hostname,
      greeting: "ESMTP Postern",
      secure,
      startTls: this.secureContext !== null,
      tlsRequired: this.requiresLogIn,
      authRequired: this.requiresLogIn,
      auth:
        this.secureContext === null || this.isBounce ? [] : this.door.deps.identity.takesTokens ? [...mechanisms, "XOAUTH2"] : mechanisms,
      maxMessageSize: maxMessageSize ?? (this.isBounce ? defaults.bounce.maxMessageSize : defaults.maxMessageSize),
      // RFC 5321 §4.5.3.1.8 asks for 100; a bounce address is that of one message, and its report has one receiver (452: the rest comes again).
      maxRecipients: this.isBounce ? 1 : (maxRecipients ?? defaults.maxRecipients),
      lineEndings: lineEndings ?? defaults.lineEndings,
      // RFC 5321 §4.1.1.2 wants angle brackets; devices on these listeners leave them out.
      bareAddresses: kind === "relay" || kind === "legacy",
    };
  }
}

function ticks(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

function ignore(): void {}
