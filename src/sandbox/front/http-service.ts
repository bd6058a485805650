/**
 * An emulated service that speaks HTTP, as the front (front.ts) calls it: Entra, the metadata endpoint, later Graph, ACS and SendGrid. It gets
 * whole requests, whose body is bounded by its own `maxBody`, and answers with whole replies.
 */
export interface HttpService {
  /** As faults call it: `entra`. */
  readonly service: string;
  /** Names under which the real one is reached (lower case; a leading `*.` takes any first label): requests with such a Host are its own. */
  readonly hosts: readonly string[];
  /** Whether a path is its own when the Host is loopback. Services are asked in the order of the list. */
  owns(path: string): boolean;
  /** Octets of a body; more is 413. */
  readonly maxBody: number;
  /** Only by TLS; over http it is 404. */
  readonly tlsOnly: boolean;
  handle(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
}

export interface HttpRequest {
  readonly method: string;
  /** Without the query, as it came: percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; of several the first. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** `https://localhost:10443`: as the client called us. */
  readonly base: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store, no-cache", pragma: "no-cache", ...headers },
    body: JSON.stringify(value),
  };
}
