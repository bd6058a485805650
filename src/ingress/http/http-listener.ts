import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { finished } from "node:stream";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { addressGroup, plainAddress } from "../../lib/cidr.ts";
import { refuse } from "../../mail/refusal.ts";
import type { HttpDoorDeps } from "./http-door.ts";
import type { Memory } from "./memory.ts";
import { httpListenerDefaults as defaults, type HttpListenerOptions } from "./options.ts";

/** Of a route that does not say. */
const smallBody = 64 * 1024;
/** A request is held as bytes, as text, as what it says, and as the message that is made of it. */
const copies = 4;

/** Of a body that is not wanted, in bytes. */
const mostDropped = 16 * 1024 ** 2;

const serverOptions: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  // RFC 9110 §7.2: a request without Host is answered 400.
  requireHostHeader: true,
  insecureHTTPParser: false,
  headersTimeout: 30_000,
  // 14 MB over a slow line take their time; what a slow client holds is bounded by connections and memory.
  requestTimeout: 300_000,
  // Longer than the 60 s of usual proxies, so that it is they who close.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 10_000,
  noDelay: true,
};

/** One listening socket of the HTTP door with its limits. */
export class HttpListener {
  readonly options: HttpListenerOptions;
  readonly #deps: HttpListenerDeps;
  readonly #app: FastifyInstance;
  #server: Server | SecureServer | null = null;
  /** Connections by client; an entry lives as long as a connection does. */
  readonly #byClient = new Map<string, number>();
  /** Connections that have not asked anything yet: Node.js does not count them as idle. */
  readonly #silent = new Set<Socket>();
  connections = 0;

  constructor(options: HttpListenerOptions, deps: HttpListenerDeps) {
    this.options = options;
    this.#deps = deps;
    this.#app = this.#createApp();
    for (const api of deps.apis)
      this.#app.register((context, _options, done) => {
        api.register(context, options.name, deps.memory);
        done();
      });
  }

  /** null: it does not listen. */
  get boundTo(): AddressInfo | null {
    const address = this.#server?.address() ?? null;
    return address === null || typeof address === "string" ? null : address;
  }

  async listen(): Promise<void> {
    await this.#app.listen({ host: this.options.address, port: this.options.port, backlog: 2048 });
    const bound = this.boundTo;
    if (bound !== null) this.#deps.log.listening(this.options.name, bound.address, bound.port);
  }

  useCertificate(certificate: { readonly cert: string; readonly key: string }): void {
    const server = this.#server;
    if (server !== null && "setSecureContext" in server) server.setSecureContext({ ...certificate, minVersion: "TLSv1.2" });
  }

  /** Requests under way may end for at most `drainMs`. */
  async close(drainMs: number): Promise<void> {
    for (const socket of this.#silent) socket.destroy();
    const timer = setTimeout(() => this.#server?.closeAllConnections(), drainMs);
    await this.#app.close();
    clearTimeout(timer);
  }

  #createApp(): FastifyInstance {
    const app = fastify({
      serverFactory: (handler) => (this.#server = this.#createServer(handler)),
      bodyLimit: smallBody,
      routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false },
      exposeHeadRoutes: false,
      // Requests that came before the end are answered; idle connections need not be waited for.
      forceCloseConnections: "idle",
      return503OnClosing: false,
      logger: false,
      frameworkErrors: (_error, _request, reply: FastifyReply) =>
        void reply.code(400).send(body("BadRequest", "The request's path is not valid.")),
    }) as unknown as FastifyInstance;
    app.addHook("onRequest", (_request, reply, done) => {
      reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      done();
    });
    app.addHook("onSend", (request, reply, _payload, done) => {
      if (reply.statusCode < 400 || !(Number(request.headers["content-length"]) <= mostDropped) || request.raw.complete) return done();
      // An answer in mid-body would be lost with the connection: the client is still writing. What it declared is read and dropped first.
      const { raw } = request;
      // Who hangs up meanwhile may have been answered for that already.
      finished(raw, () => {
        if (!reply.raw.headersSent) done();
      });
      raw.resume();
    });
    app.addHook("preParsing", (request, reply, _payload, done) => {
      const release = this.#deps.memory.take(bytesOf(request) * copies);
      if (release === null) return done(refuse("system.busy"));
      reply.raw.once("close", release);
      done();
    });
    app.setNotFoundHandler((_request, reply) => reply.code(404).send(body("NotFound", "There is no such resource here.")));
    app.setErrorHandler((error, _request, reply) => {
      this.#deps.log.fault(null, error);
      return reply.code(500).send(body("InternalServerError", "Something went wrong here."));
    });
    return app;
  }

  #createServer(handler: RequestListener): Server | SecureServer {
    const { tls } = this.options;
    const server =
      tls === undefined
        ? createServer(serverOptions, handler)
        : createSecureServer(
            { ...serverOptions, ...tls, minVersion: "TLSv1.2", honorCipherOrder: true, handshakeTimeout: 30_000 },
            handler,
          );
    server.on("connection", (socket: Socket) => this.#count(socket));
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      this.#silent.add(socket);
      socket.once("close", () => this.#silent.delete(socket));
    });
    server.on("request", ({ socket }: IncomingMessage) => this.#silent.delete(socket));
    return server;
  }

  #count(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? "");
    const group = addressGroup(address);
    const count = this.#byClient.get(group) ?? 0;
    const { maxConnections = defaults.maxConnections, maxConnectionsPerAddress = defaults.maxConnectionsPerAddress, name } = this.options;
    if (this.connections >= maxConnections || count >= maxConnectionsPerAddress) {
      this.#deps.log.turnedAway(name, address, "system.too-many-connections");
      return void socket.destroy();
    }
    this.connections++;
    this.#byClient.set(group, count + 1);
    socket.once("close", () => {
      this.connections--;
      const left = (this.#byClient.get(group) ?? 1) - 1;
      if (left === 0) this.#byClient.delete(group);
      else this.#byClient.set(group, left);
    });
  }
}

export interface HttpListenerDeps extends HttpDoorDeps {
  readonly memory: Memory;
}

/** How large the body may become. */
function bytesOf({ headers, routeOptions }: FastifyRequest): number {
  const most = routeOptions.bodyLimit ?? smallBody;
  const declared = headers["content-length"];
  if (declared !== undefined) return Math.min(Number(declared), most);
  return headers["transfer-encoding"] === undefined ? 0 : most;
}

function body(code: string, message: string) {
  return { error: { code, message } };
}
