import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { guardRequest, isLoopbackName } from "../../lib/http/request-guard.ts";
import type { House } from "../house.ts";
import { jsonReply, type HttpReply, type HttpRequest, type HttpService } from "./http-service.ts";

/**
 * The sandbox's front for HTTP: one listener with TLS (`api`) and one without (`apiHttp`) for all emulated services that speak HTTP.
 *
 * Which service is meant is told by Host, as clients send it that are led here by name, else by path, as clients send it that were given
 * `https://localhost:10443`. Other Hosts are refused (421), and so is what a foreign page would change. Requests are read whole and bounded in
 * size and time; a slow client holds a connection and nothing else. Faults of stage `request` act before the service does.
 */
export interface Front extends AsyncDisposable {
  readonly httpsPort: number;
  readonly httpPort: number;
}

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
const maxConnections = 500;

export async function openFront(
  house: House,
  services: readonly HttpService[],
  tls: { readonly cert: Buffer; readonly key: Buffer },
  signal: AbortSignal,
): Promise<Front> {
  await using opening = new AsyncDisposableStack();
  const limits = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, connectionsCheckingInterval: 2_000 };
  const listen = async (server: Server, port: number): Promise<number> => {
    server.maxConnections = maxConnections;
    server.on("request", (request, response) => {
      answer(house, services, request, response, signal).catch((error: unknown) => {
        house.options.log({ event: "sandbox.fault", where: "http", error });
        response.destroy();
      });
    });
    server.on("clientError", (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, house.options.address, () => {
        server.off("error", reject);
        resolve();
      });
    });
    opening.defer(async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    });
    return (server.address() as AddressInfo).port;
  };
  // Microsoft's endpoints take TLS 1.2 and 1.3.
  const httpsPort = await listen(createHttpsServer({ ...limits, ...tls, minVersion: "TLSv1.2" }), house.options.ports.api);
  const httpPort = await listen(createHttpServer(limits), house.options.ports.apiHttp);
  const open = opening.move();
  return { httpsPort, httpPort, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function answer(
  house: House,
  services: readonly HttpService[],
  request: IncomingMessage,
  response: ServerResponse,
  stop: AbortSignal,
): Promise<void> {
  const { host, origin } = request.headers;
  const method = request.method ?? "GET";
  const found = findService(services, host ?? "", request.url ?? "/");
  if (found === "foreign-host")
    return send(
      response,
      jsonReply(421, { error: "misdirected_request", error_description: "No service of the sandbox has this Host; use localhost." }),
    );
  const guard = guardRequest({ method, host, origin, fetchSite: one(request.headers["sec-fetch-site"]) }, new Set([nameOf(host ?? "")]));
  if (!guard.ok) return send(response, jsonReply(403, { error: guard.code, error_description: guard.message }));
  const encrypted = (request.socket as Partial<TLSSocket>).encrypted === true;
  if (found === null || (found.tlsOnly && !encrypted))
    return send(response, jsonReply(404, { error: "not_found", error_description: "No service of the sandbox has this path." }));
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stop]);
  const fault = house.faults.find({ service: found.service, at: "request" });
  switch (fault?.kind) {
    case undefined:
      break;
    case "reply": {
      const { code, lines } = fault.reply;
      const retry = fault.retryAfterSeconds === undefined ? {} : { "retry-after": String(fault.retryAfterSeconds) };
      const error = code === 429 || code >= 500 ? "temporarily_unavailable" : "invalid_request";
      return send(response, jsonReply(code, { error, error_description: lines[0] ?? "" }, retry));
    }
    case "drop":
      request.socket.destroy();
      return;
    case "hang":
      // Until the client leaves, or the server's own timeout for a body that nobody reads.
      return;
    case "delay":
      if (!(await waited(fault.delayMs, signal))) return;
  }
  const body = await readBody(request, found.maxBody);
  if (body === null)
    return send(
      response,
      jsonReply(413, { error: "invalid_request", error_description: "The body is too large." }, { connection: "close" }),
    );
  const [path = "/", ...query] = (request.url ?? "/").split("?");
  const whole: HttpRequest = {
    method,
    path,
    query: new URLSearchParams(query.join("?")),
    headers: new Map(Object.entries(request.headers).map(([name, value]) => [name, one(value) ?? ""])),
    body,
    base: `${encrypted ? "https" : "http"}://${host ?? ""}`,
  };
  return send(response, await found.handle(whole, signal));
}

/** By Host when it is a service's own, by path when it is loopback. */
function findService(services: readonly HttpService[], host: string, url: string): HttpService | null | "foreign-host" {
  const name = nameOf(host);
  const byName = services.filter(({ hosts }) =>
    hosts.some((each) => (each.startsWith("*.") ? name.endsWith(each.slice(1)) : name === each)),
  );
  const path = url.split("?", 1)[0] ?? "/";
  if (byName.length > 0) return byName.find((service) => service.owns(path)) ?? byName[0] ?? null;
  return isLoopbackName(name) ? (services.find((service) => service.owns(path)) ?? null) : "foreign-host";
}

function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

/** null: larger than allowed. Node's own timeout ends what comes too slowly. */
async function readBody(request: IncomingMessage, maxBody: number): Promise<Buffer | null> {
  if (Number(request.headers["content-length"] ?? 0) > maxBody) return null;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > maxBody) return null;
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

async function waited(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(delayMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

function send(response: ServerResponse, { status, headers = {}, body = "" }: HttpReply): void {
  if (response.destroyed) return;
  response.writeHead(status, { "x-content-type-options": "nosniff", "content-length": String(Buffer.byteLength(body)), ...headers });
  response.end(body);
}
