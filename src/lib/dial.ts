import { connect, isIP, type Socket } from "node:net";
import { connect as tlsConnect, type ConnectionOptions, type SecureVersion, type TLSSocket } from "node:tls";
import type { HostPort } from "./host-port.ts";
import { isPrivateAddress } from "./private-address.ts";
import { NoSuchHost, type Resolver } from "./resolver.ts";

/**
 * The one way to open an outgoing connection. Name → map → addresses → check → connect to the first that answers → TLS, if wanted, with the
 * real name.
 *
 * Promises: nothing is connected to that isPrivateAddress() forbids, unless the target allows it or the map sent it there (checked on the
 * literal address that is connected to, so a name cannot change its mind between check and use); everything ends within its timeout or
 * with the signal; failures are DialFailed with a reason. The map lets the sandbox's services share loopback while TLS keeps the names.
 */
export class Dialer {
  readonly #resolver: Resolver;
  readonly #map: ReadonlyMap<string, HostPort>;

  /** @param map `host:port` or `host`, lower case, to where it really is. */
  constructor(resolver: Resolver, map: ReadonlyMap<string, HostPort> = new Map()) {
    this.#resolver = resolver;
    this.#map = map;
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<Dialled> {
    const mapped = this.#mapped(target);
    const deadline = AbortSignal.timeout(target.timeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    try {
      const addresses = await this.#resolve(mapped?.host ?? target.host, either);
      const allowed = target.allowPrivate || mapped !== undefined ? addresses : addresses.filter((address) => !isPrivateAddress(address));
      if (allowed.length === 0) throw new DialFailed("blocked", `${target.host} is at ${addresses.join(", ")}, where this may not connect`);
      const { localAddress } = target;
      const family = localAddress === undefined ? allowed : allowed.filter((address) => isIP(address) === isIP(localAddress));
      if (family.length === 0) throw new DialFailed("connect", `${target.host} has no address that ${localAddress} could reach`);
      const port = mapped?.port ?? target.port;
      return await connectToFirst(family.slice(0, maxAddresses), { port, localAddress: target.localAddress }, either);
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted)
        throw new DialFailed("timeout", `no connection to ${target.host} port ${target.port} in ${target.timeoutMs} ms`, error);
      throw error;
    }
  }

  /** The map says where it is. */
  isMapped(target: HostPort): boolean {
    return this.#mapped(target) !== undefined;
  }

  #mapped({ host, port }: HostPort): HostPort | undefined {
    const name = host.toLowerCase();
    return this.#map.get(`${name}:${port}`) ?? this.#map.get(name);
  }

  async #resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await this.#resolver.addresses(host, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NoSuchHost) throw new DialFailed("no-such-host", error.message, error);
      throw new DialFailed("lookup", `${host} could not be looked up`, error);
    }
  }
}

export interface DialTarget extends HostPort {
  /** May be loopback, private or link-local. */
  readonly allowPrivate: boolean;
  /** For name and connection together. */
  readonly timeoutMs: number;
  /** Address of this machine to connect from; targets of the other family are then passed over. */
  readonly localAddress?: string;
}

export interface Dialled {
  readonly socket: Socket;
  /** The address connected to. */
  readonly address: string;
}

export type DialFailure = "no-such-host" | "lookup" | "blocked" | "connect" | "timeout" | "tls";

export class DialFailed extends Error {
  override readonly name = "DialFailed";
  readonly reason: DialFailure;

  constructor(reason: DialFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

export interface TlsTarget {
  /** The name that the certificate must carry, and that is sent as SNI. */
  readonly serverName: string;
  /** Whether a certificate that does not fit ends the connection. */
  readonly verify: boolean;
  readonly timeoutMs: number;
  /** PEM, instead of the well-known authorities. */
  readonly ca?: string;
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly minVersion?: SecureVersion;
  readonly alpn?: readonly string[];
}

/** Makes a connected socket a TLS socket. On failure the socket is destroyed and DialFailed says why. */
export async function secure(socket: Socket, target: TlsTarget, signal: AbortSignal): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    socket,
    host: target.serverName,
    // RFC 6066 §3: literal addresses are not permitted in SNI.
    servername: isIP(target.serverName) === 0 ? target.serverName : "",
    rejectUnauthorized: target.verify,
    minVersion: target.minVersion ?? "TLSv1.2",
  };
  if (target.ca !== undefined) options.ca = target.ca;
  if (target.clientCertificate !== undefined) Object.assign(options, target.clientCertificate);
  if (target.alpn !== undefined) options.ALPNProtocols = [...target.alpn];
  let secured: TLSSocket;
  try {
    secured = tlsConnect(options);
  } catch (error) {
    socket.destroy();
    throw new DialFailed("tls", `TLS cannot be set up: ${(error as Error).message}`, error);
  }
  const deadline = AbortSignal.timeout(target.timeoutMs);
  try {
    await settled(secured, "secureConnect", AbortSignal.any([signal, deadline]));
  } catch (error) {
    secured.destroy();
    socket.destroy();
    signal.throwIfAborted();
    if (deadline.aborted) throw new DialFailed("tls", `no TLS handshake in ${target.timeoutMs} ms`, error);
    throw new DialFailed("tls", `no TLS with ${target.serverName}: ${(error as Error).message}`, error);
  }
  return secured;
}

/** More are never tried: a name with a thousand addresses must not keep a route busy. */
const maxAddresses = 6;
// RFC 8305 §5: the next address starts 250 ms after the one before, or as soon as that one failed.
const staggerMs = 250;

function connectToFirst(
  addresses: readonly string[],
  { port, localAddress }: { readonly port: number; readonly localAddress: string | undefined },
  signal: AbortSignal,
): Promise<Dialled> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialled>();
  const connecting = new Set<Socket>();
  const failures: string[] = [];
  let started = 0;
  let stagger: NodeJS.Timeout | undefined;

  const finish = () => {
    clearTimeout(stagger);
    signal.removeEventListener("abort", onAbort);
    for (const socket of connecting) socket.destroy();
  };
  const onAbort = () => {
    finish();
    reject(signal.reason as Error);
  };
  const startNext = () => {
    clearTimeout(stagger);
    const address = addresses[started++];
    if (address === undefined) return;
    const socket = connect({
      host: address,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      autoSelectFamily: false,
    });
    connecting.add(socket);
    const onError = (error: Error) => {
      connecting.delete(socket);
      failures.push(error.message);
      if (started < addresses.length) return startNext();
      if (connecting.size > 0) return;
      finish();
      reject(new DialFailed("connect", failures.join("; "), error));
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      connecting.delete(socket);
      socket.removeListener("error", onError);
      finish();
      resolve({ socket, address });
    });
    if (started < addresses.length) stagger = setTimeout(startNext, staggerMs);
  };

  if (signal.aborted) return Promise.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  startNext();
  return promise;
}

/** Waits for one event; an error, an early close or the signal rejects. */
function settled(socket: TLSSocket, event: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason as Error);
  const onClose = () => reject(new Error("the connection was closed"));
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once(event, resolve).once("error", reject).once("close", onClose);
  return promise.finally(() => {
    signal.removeEventListener("abort", onAbort);
    socket.removeListener(event, resolve).removeListener("close", onClose).removeListener("error", reject);
  });
}
