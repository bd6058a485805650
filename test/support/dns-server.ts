import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { AUTHORITATIVE_ANSWER, decode, encode, TRUNCATED_RESPONSE, type Answer, type DecodedPacket, type Packet } from "dns-packet";

/** What a scripted name server says to a question. Undefined: nothing at all. */
export interface ScriptedAnswer {
  readonly rcode?: "NXDOMAIN" | "SERVFAIL" | "REFUSED" | "FORMERR";
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly authentic?: true;
  /** Says by UDP that the answer is only to be had by TCP. */
  readonly truncated?: true;
  /** Sent by UDP before the answer. */
  readonly before?: (query: DecodedPacket) => readonly Buffer[];
  /** Instead of all of it. */
  readonly raw?: (query: DecodedPacket) => Buffer;
}

/**
 * A recursive resolver that says what a function tells it, by UDP and TCP on one port. Not in the zone: an empty answer.
 * `MX 0 .` and the like are written as records of dns-packet.
 */
export class DnsServer implements AsyncDisposable {
  readonly #udp: Socket;
  readonly #tcp: Server;
  /** What was asked: `MX fabrikam.example udp`. */
  readonly asked: string[] = [];
  answer: (name: string, type: string, transport: "udp" | "tcp") => ScriptedAnswer | undefined;

  private constructor(answer: DnsServer["answer"]) {
    this.answer = answer;
    this.#udp = createSocket("udp4");
    this.#udp.on("message", (bytes, from) => this.#onDatagram(bytes, from));
    this.#tcp = createServer((socket) => {
      let received = Buffer.alloc(0);
      socket.on("error", () => undefined);
      socket.on("data", (piece) => {
        received = Buffer.concat([received, piece]);
        if (received.length < 2 || received.length < received.readUInt16BE(0) + 2) return;
        const reply = this.#reply(received.subarray(2), "tcp").at(-1);
        if (reply === undefined) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.end(Buffer.concat([length, reply]));
      });
    });
  }

  static async start(answer: DnsServer["answer"]): Promise<DnsServer> {
    const server = new DnsServer(answer);
    for (;;) {
      server.#tcp.listen(0, "127.0.0.1");
      await once(server.#tcp, "listening");
      const bound = Promise.withResolvers<boolean>();
      // The UDP port of the same number may be somebody else's.
      server.#udp.once("error", () => bound.resolve(false)).bind(server.port, "127.0.0.1", () => bound.resolve(true));
      if (await bound.promise) break;
      server.#tcp.close();
      await once(server.#tcp, "close");
    }
    return server;
  }

  /** A server with fixed records: `"fabrikam.example MX": [{ preference: 10, exchange: "mx.fabrikam.example" }]`. Other names do not exist. */
  static withZone(zone: Readonly<Record<string, readonly unknown[]>>, authentic?: true): Promise<DnsServer> {
    const names = new Set(Object.keys(zone).map((key) => key.split(" ")[0]));
    return DnsServer.start((name, type) => {
      const data = zone[`${name} ${type}`];
      const flags = authentic === undefined ? {} : { authentic };
      const alias = zone[`${name} CNAME`];
      if (data === undefined && alias !== undefined) {
        const target = String(alias[0]);
        return {
          ...flags,
          answers: [record(name, "CNAME", target), ...(zone[`${target} ${type}`] ?? []).map((each) => record(target, type, each))],
        };
      }
      if (data === undefined) return { ...flags, authorities: [soa], ...(names.has(name) ? {} : { rcode: "NXDOMAIN" as const }) };
      return { ...flags, answers: data.map((each) => record(name, type, each)) };
    });
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  get place(): { readonly host: string; readonly port: number } {
    return { host: "127.0.0.1", port: this.port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, "close");
  }

  #onDatagram(bytes: Buffer, from: RemoteInfo): void {
    for (const reply of this.#reply(bytes, "udp")) this.#udp.send(reply, from.port, from.address);
  }

  #reply(bytes: Buffer, transport: "udp" | "tcp"): readonly Buffer[] {
    const query = decode(bytes);
    const [question] = query.questions ?? [];
    if (question === undefined) return [];
    this.asked.push(`${question.type} ${question.name} ${transport}`);
    const said = this.answer(question.name, question.type, transport);
    if (said === undefined) return [];
    if (said.raw !== undefined) return [said.raw(query)];
    const cut = said.truncated === true && transport === "udp";
    return [
      ...(transport === "udp" ? (said.before?.(query) ?? []) : []),
      composeAnswer(query, { ...said, answers: cut ? [] : (said.answers ?? []) }, cut ? TRUNCATED_RESPONSE : 0),
    ];
  }
}

export function composeAnswer(query: DecodedPacket, said: ScriptedAnswer, flags = 0): Buffer {
  const rcodes = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
  const packet: Packet = {
    type: "response",
    id: query.id ?? 0,
    flags: AUTHORITATIVE_ANSWER | flags | (said.authentic === true ? 0x20 : 0) | (said.rcode === undefined ? 0 : rcodes[said.rcode]),
    questions: query.questions ?? [],
    answers: [...(said.answers ?? [])],
    authorities: [...(said.authorities ?? [])],
  };
  return encode(packet);
}

export function record(name: string, type: string, data: unknown, ttl = 300): Answer {
  return { name, type, ttl, data } as Answer;
}

export const soa = record("example", "SOA", {
  mname: "ns.example",
  rname: "root.example",
  serial: 1,
  refresh: 3600,
  retry: 600,
  expire: 86_400,
  minimum: 60,
});
