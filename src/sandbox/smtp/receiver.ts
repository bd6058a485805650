import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { plainAddress } from "../../lib/cidr.ts";
import type { Reply } from "../../mail/reply.ts";
import { SmtpServerSession } from "../../wire/smtp/server/session.ts";
import type { House } from "../house.ts";
import { maxProxyHeader, readProxyHeader } from "../addresses/proxy-header.ts";
import { chosenKeywords } from "./ehlo-keywords.ts";
import { readAuthorities, readCertificate } from "./client-certificate.ts";
import { RoomHandler } from "./room-handler.ts";
import type { ClientCertificate, SmtpRoom } from "./room.ts";

/**
 * The listener of a room: sockets and TLS around the SMTP session of wire/. Bounded: so many connections, each with the session's bounds, cut
 * off when silent for `idleMs` (RFC 5321 §4.5.3.2.7: at least five minutes). A hang that a test asked for lasts until the client leaves.
 *
 * The client's address is the one that the address map gives for its peer, or the one that a PROXY header (version 2) names in front of the
 * first command; such a header is taken from loopback only. The greeting does not wait for it, so nobody is held up who sends none.
 */
export interface Receiver extends AsyncDisposable {
  readonly port: number;
}

const maxConnections = 2000;
const idleMs = 300_000;
const goodbyeMs = 500;
const full: Reply = { code: 421, lines: ["4.3.2 Too many connections, try again later"] };

export async function openReceiver(house: House, room: SmtpRoom): Promise<Receiver> {
  const connections = new Set<Connection>();
  const { trust } = house.options.rooms;
  const authorities = trust === null ? null : readAuthorities(trust);
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = new Connection(house, room, authorities, socket);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
    connection.start(connections.size > maxConnections ? full : undefined);
  });
  server.listen({ host: house.options.address, port: house.options.ports[room.port], backlog: 1024 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const connection of connections) connection.shutdown();
      const goodbye = setTimeout(() => connections.forEach((connection) => connection.cut("stopped")), goodbyeMs);
      await closed;
      clearTimeout(goodbye);
    },
  };
}

class Connection {
  /** The stream the session speaks over: the socket, and TLS over it after STARTTLS. */
  #stream: Socket;
  readonly #socket: Socket;
  readonly #house: House;
  readonly #room: SmtpRoom;
  readonly #authorities: readonly X509Certificate[] | null;
  readonly #session: SmtpServerSession;
  readonly #handler: RoomHandler;
  /** After the address map, until a PROXY header says otherwise. */
  #address: string;
  #certificate: ClientCertificate | null = null;
  /** What came so far of what may be a PROXY header; null: that question is settled. */
  #header: Buffer | null;
  /** The session asked for a pause, or our output is clogged: either stops reading. */
  #paused = false;
  #clogged = false;
  #over = false;

  constructor(house: House, room: SmtpRoom, authorities: readonly X509Certificate[] | null, socket: Socket) {
    this.#authorities = authorities;
    this.#house = house;
    this.#room = room;
    this.#socket = socket;
    this.#stream = socket;
    const peer = plainAddress(socket.remoteAddress ?? "");
    this.#address = house.addresses.shown(peer);
    this.#header = peer === "::1" || peer.startsWith("127.") ? Buffer.alloc(0) : null;
    this.#handler = new RoomHandler(house, room, {
      address: () => this.#address,
      tls: () => (this.#stream instanceof TLSSocket ? this.#stream.getProtocol() : null),
      serverName: () => (this.#stream instanceof TLSSocket && typeof this.#stream.servername === "string" ? this.#stream.servername : ""),
      certificate: () => this.#certificate,
      cut: () => this.cut("cut on order"),
    });
    const chosen = house.options.rooms.ehlo[room.service];
    const session = room.session(this.#handler.client);
    this.#session = new SmtpServerSession(
      chosen === undefined ? session : { ...session, ehloKeywords: chosenKeywords(chosen) },
      this.#handler,
      {
        write: (data) => this.#write(data),
        pause: () => this.#pause(true),
        resume: () => this.#pause(false),
        startTls: () => this.#startTls(),
        close: () => this.#stream.end(),
      },
    );
    this.#listen(socket);
    socket.once("close", () => this.#gone("connection closed"));
  }

  start(refusal: Reply | undefined): void {
    const fault = refusal === undefined ? this.#house.faults.find({ service: this.#room.service, at: "connect" }) : null;
    switch (fault?.kind) {
      case undefined:
        return this.#session.start(refusal);
      case "reply":
        return this.#session.start(fault.reply);
      case "drop":
        return this.cut("cut on order");
      case "delay": {
        const timer = setTimeout(() => this.#session.start(), fault.delayMs);
        this.#socket.once("close", () => clearTimeout(timer));
        return;
      }
      case "hang":
        return;
    }
  }

  shutdown(): void {
    this.#session.shutdown();
  }

  cut(reason: string): void {
    this.#gone(reason);
    this.#socket.destroy();
  }

  #gone(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.gone();
    this.#session.abort(reason);
  }

  #listen(stream: Socket): void {
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => {
      this.#handler.left();
      this.#session.end();
    });
    stream.on("drain", () => {
      this.#clogged = false;
      this.#flow();
    });
    stream.on("error", (error) => this.cut(error.message));
    stream.setTimeout(idleMs, () => this.#session.idle());
  }

  #receive(chunk: Buffer): void {
    if (this.#header === null) return this.#session.receive(chunk);
    // A header that trickles in byte by byte is copied maxProxyHeader times at most.
    const bytes = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk.subarray(0, maxProxyHeader)]);
    const step = readProxyHeader(bytes);
    switch (step.kind) {
      case "more":
        this.#header = bytes;
        return;
      case "bad":
        return this.cut("not a PROXY header");
      case "none":
        break;
      case "header":
        if (step.source !== null) this.#address = step.source;
    }
    const rest = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    this.#header = null;
    this.#session.receive(step.kind === "header" ? rest.subarray(step.length) : rest);
  }

  #write(data: string | Buffer): void {
    if (this.#over || !this.#stream.writable) return;
    if (!this.#stream.write(data)) {
      this.#clogged = true;
      this.#flow();
    }
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    this.#flow();
  }

  #flow(): void {
    if (this.#paused || this.#clogged) this.#stream.pause();
    else this.#stream.resume();
  }

  #startTls(): void {
    const socket = this.#socket;
    socket.removeAllListeners("data").removeAllListeners("end").removeAllListeners("drain").removeAllListeners("timeout");
    socket.setTimeout(0);
    // What comes from now on is TLS: no header any more.
    this.#header = null;
    const requestCert = this.#room.wantsCertificate === true;
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#room.tls ?? this.#house.tls,
      requestCert,
      rejectUnauthorized: false,
    });
    this.#stream = secure;
    this.#clogged = false;
    secure.once("secure", () => {
      if (requestCert) this.#certificate = readCertificate(secure, this.#authorities);
      this.#session.secured();
    });
    this.#listen(secure);
  }
}
