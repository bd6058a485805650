import type { Socket } from "node:net";
import { isIP } from "node:net";
import type { Agent, buildConnector } from "undici";
import { type Dialer, DialFailed, secure } from "../dial.ts";
import { isPrivateAddress } from "../private-address.ts";
import { parseHostPort, type HostPort } from "../host-port.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { openTunnel } from "./tunnel.ts";

/**
 * The HTTP client for what the gateway itself asks for: tokens, MTA-STS policies.
 *
 * Promises: connections are the Dialer's (its names, its map, its refusal of private addresses); certificates are verified against the real
 * name; a request ends within its time and an answer within its size, or HttpFailed says why; redirects are not followed, so that no answer
 * leads elsewhere; nothing secret of a request is in an error. Connections are kept for a few seconds.
 * undici speaks HTTP; it is loaded with the first request.
 */
export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #proxy: HostPort | null;
  /** Connections that were allowed to be private are not shared with requests that are not. */
  readonly #agents = new Map<boolean, Agent>();
  /** Places that are asked just now, by `host:port`. */
  readonly #places = new Map<string, Place>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#proxy = options.proxy === undefined ? null : proxyPlace(options.proxy);
  }

  /** @throws HttpFailed; or the signal's reason. Any status is an answer. */
  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { method = "GET", url, headers = {}, body, timeoutMs, maxBytes } = request;
    const target = new URL(url);
    const deadline = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    signal.throwIfAborted();
    await using _visit = await this.#visit(placeName(target.hostname, target.protocol, target.port));
    try {
      const { request: ask } = await import("undici");
      const dispatcher = await this.#agent(request.allowPrivate ?? this.#options.allowPrivate);
      // undici heeds the signal only when there is a connection; one that is long in coming must not outlast the deadline.
      const answer = await unlessAborted(
        ask(target, {
          method,
          headers: { ...headers },
          body: body ?? null,
          dispatcher,
          signal: either,
          headersTimeout: 0,
          bodyTimeout: 0,
        }),
        either,
      );
      const pieces: Buffer[] = [];
      let size = 0;
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        size += piece.length;
        // Leaving the loop destroys the rest.
        if (size > maxBytes) throw new HttpFailed("too-large", `${target.host} sent more than ${maxBytes} bytes`);
        pieces.push(piece);
      }
      return { status: answer.statusCode, headers: firstValues(answer.headers), body: Buffer.concat(pieces) };
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted) throw new HttpFailed("timeout", `no answer from ${target.host} in ${timeoutMs} ms`, error);
      if (error instanceof HttpFailed) throw error;
      if (error instanceof DialFailed) throw new HttpFailed(error.reason === "tls" ? "tls" : "connect", error.message, error);
      throw new HttpFailed("protocol", `no proper answer from ${target.host}: ${(error as Error).message}`, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) await agent.destroy();
    this.#agents.clear();
  }

  /** Somebody asks there. When the last has gone, connections that are not there yet are given up: the next shall not wait for them. */
  async #visit(name: string): Promise<AsyncDisposable> {
    const place = this.#places.get(name) ?? { visitors: 0, abandoned: new AbortController(), connecting: new Set() };
    this.#places.set(name, place);
    if (place.visitors === 0) await Promise.all(place.connecting);
    place.visitors++;
    return {
      [Symbol.asyncDispose]: async () => {
        if (--place.visitors > 0) return;
        place.abandoned.abort(new DialFailed("timeout", `nobody waits for ${name} any more`));
        place.abandoned = new AbortController();
        if (place.connecting.size === 0) this.#places.delete(name);
      },
    };
  }

  async #agent(allowPrivate: boolean): Promise<Agent> {
    const { Agent } = await import("undici");
    const known = this.#agents.get(allowPrivate);
    if (known !== undefined) return known;
    const agent = new Agent({
      connect: this.#connector(allowPrivate),
      connections: 8,
      keepAliveTimeout: 4000,
      keepAliveMaxTimeout: 10_000,
      maxHeaderSize: 16_384,
    });
    this.#agents.set(allowPrivate, agent);
    return agent;
  }

  #connector(allowPrivate: boolean): buildConnector.connector {
    return ({ hostname, protocol, port }, callback) => {
      const encrypted = protocol === "https:";
      const host = hostname.replace(/^\[|\]$/g, "");
      const place = this.#places.get(placeName(hostname, protocol, port));
      const signal = AbortSignal.any([AbortSignal.timeout(connectMs), ...(place === undefined ? [] : [place.abandoned.signal])]);
      const target = { host, port: Number(port) || (encrypted ? 443 : 80) };
      const connecting = callBack(this.#connect(target, encrypted, allowPrivate, signal), callback);
      place?.connecting.add(connecting);
      void connecting.finally(() => place?.connecting.delete(connecting));
    };
  }

  async #connect(target: HostPort, encrypted: boolean, allowPrivate: boolean, signal: AbortSignal): Promise<Socket> {
    const { dialer, ca } = this.#options;
    const socket =
      this.#proxy === null || !encrypted || dialer.isMapped(target)
        ? (await dialer.dial({ ...target, allowPrivate, timeoutMs: connectMs }, signal)).socket
        : await this.#throughProxy(this.#proxy, target, allowPrivate, signal);
    if (!encrypted) return socket;
    return secure(
      socket,
      { serverName: target.host, verify: true, timeoutMs: connectMs, alpn: ["http/1.1"], ...(ca === undefined ? {} : { ca }) },
      signal,
    );
  }

  /** The proxy looks the name up: only what is literally private can be refused here. The proxy itself is the operator's word. */
  async #throughProxy(proxy: HostPort, target: HostPort, allowPrivate: boolean, signal: AbortSignal): Promise<Socket> {
    if (!allowPrivate && isIP(target.host) !== 0 && isPrivateAddress(target.host))
      throw new DialFailed("blocked", `${target.host} is an address where this may not connect`);
    const { socket } = await this.#options.dialer.dial({ ...proxy, allowPrivate: true, timeoutMs: connectMs }, signal);
    return openTunnel(socket, target, signal);
  }
}

export interface HttpClientOptions {
  readonly dialer: Dialer;
  /** `http://host:port` of a proxy that takes CONNECT; for https only. */
  readonly proxy?: string;
  /** PEM, instead of the well-known authorities. */
  readonly ca?: string;
  /** Requests may go to private addresses unless they say otherwise. */
  readonly allowPrivate: boolean;
}

export interface HttpRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** For everything: connection, answer, body. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
  readonly allowPrivate?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of several values the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class HttpFailed extends Error {
  override readonly name = "HttpFailed";
  readonly reason: "connect" | "tls" | "timeout" | "too-large" | "protocol";

  constructor(reason: HttpFailed["reason"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

const connectMs = 30_000;

interface Place {
  visitors: number;
  /** Aborted when the last visitor has gone. */
  abandoned: AbortController;
  readonly connecting: Set<Promise<void>>;
}

function placeName(hostname: string, protocol: string, port: string | null | undefined): string {
  return `${hostname}:${port === "" || port === null || port === undefined ? (protocol === "https:" ? 443 : 80) : port}`;
}

async function callBack(work: Promise<Socket>, callback: buildConnector.Callback): Promise<void> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === "fulfilled") callback(null, result.value);
  else callback(result.reason as Error, null);
}

function proxyPlace(proxy: string): HostPort {
  const place = parseHostPort(new URL(proxy).host, 80);
  if (place === null) throw new Error(`not a proxy: ${proxy}`);
  return place;
}

function firstValues(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = typeof value === "string" ? value : value?.[0];
    if (first !== undefined) values[name.toLowerCase()] = first;
  }
  return values;
}
