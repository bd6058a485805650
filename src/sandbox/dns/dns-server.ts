import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { answerQuery } from "./answer.ts";
import type { WorldDns } from "./world-dns.ts";

/**
 * The name server of the sandbox's world: UDP and TCP on one port.
 *
 * Authoritative for everything: a name that is in no zone does not exist. It has no signatures; zones that are marked authentic answer with
 * the AD bit, as a validating resolver would, for clients that are told to trust it. Bounds: so many TCP connections, each with so many
 * queries under way, cut off when silent.
 */
export interface DnsServer extends AsyncDisposable {
  readonly port: number;
}

interface DnsServerOptions {
  readonly address: string;
  /** 0 takes any port that is free for both. */
  readonly port: number;
  readonly onFault: (error: unknown) => void;
}

const maxConnections = 200;
const maxUnderWay = 100;
const idleMs = 10_000;
/** A port that is free for TCP may be taken for UDP. */
const portTries = 20;

export async function openDnsServer(dns: WorldDns, options: DnsServerOptions): Promise<DnsServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= maxConnections) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serveStream(dns, socket, options.onFault);
  });
  const { udp, port } = await listen(tcp, options);
  udp.on("message", (bytes, { address, port: from }) => {
    answerQuery(dns, bytes, "udp").then(
      // The client may have gone; then there is nobody to tell.
      (answer) => void (answer !== null && udp.send(answer, from, address, () => undefined)),
      options.onFault,
    );
  });
  udp.on("error", options.onFault);
  return {
    port,
    async [Symbol.asyncDispose]() {
      const closed = once(tcp, "close");
      tcp.close();
      for (const socket of sockets) socket.destroy();
      udp.close();
      await closed;
    },
  };
}

async function listen(tcp: Server, { address, port }: DnsServerOptions): Promise<{ udp: UdpSocket; port: number }> {
  for (let tried = 1; ; tried++) {
    tcp.listen({ host: address, port });
    await once(tcp, "listening");
    const taken = (tcp.address() as AddressInfo).port;
    const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
    try {
      udp.bind({ address, port: taken, exclusive: true });
      await once(udp, "listening");
      return { udp, port: taken };
    } catch (error) {
      udp.close();
      const closed = once(tcp, "close");
      tcp.close();
      await closed;
      if (port !== 0 || tried >= portTries) throw error;
    }
  }
}

/** RFC 7766 §8: two octets of length before each message; §6.2.1.1: queries may come one behind the other. */
function serveStream(dns: WorldDns, socket: Socket, onFault: (error: unknown) => void): void {
  let held = Buffer.alloc(0);
  let underWay = 0;
  const take = (): void => {
    while (held.length >= 2 && underWay < maxUnderWay) {
      const end = 2 + held.readUInt16BE(0);
      if (held.length < end) break;
      const bytes = held.subarray(2, end);
      held = held.subarray(end);
      underWay++;
      answerQuery(dns, bytes, "tcp")
        .then((answer) => {
          if (answer === null || !socket.writable) return;
          const length = Buffer.alloc(2);
          length.writeUInt16BE(answer.length);
          socket.write(Buffer.concat([length, answer]));
        }, onFault)
        .finally(() => {
          underWay--;
          if (socket.isPaused() && socket.writableLength === 0) socket.resume();
          take();
        });
    }
    if (underWay >= maxUnderWay) socket.pause();
  };
  socket.on("data", (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    take();
  });
  // Who never reads the answers is not read from either.
  socket.on("drain", () => socket.resume());
  socket.on("error", () => socket.destroy());
  socket.setTimeout(idleMs, () => socket.destroy());
}
