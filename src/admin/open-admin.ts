/**
 * The operator's ways in: the control socket in the data directory (mode 0600: whoever may open it may do everything) and, over TCP, the
 * console and the same API behind a token. Health and metrics need no token: they tell numbers, never addresses of people.
 */
import { unlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { GatewayConfig } from "../config/config.ts";
import type { ApiRoute } from "../lib/http/api-route.ts";
import { createApiServer } from "../lib/http/api-server.ts";
import { socketPath } from "../lib/unix-socket.ts";
import { openAccess, readOrMakeToken } from "./access.ts";
import { doctorEndpoint } from "./api/doctor.ts";
import { forecastEndpoint } from "./api/forecast.ts";
import { messageEndpoints } from "./api/messages.ts";
import { pinEndpoints } from "./api/pins.ts";
import { backupEndpoint, processEndpoints } from "./api/process.ts";
import { queueEndpoints } from "./api/queue.ts";
import { quotaEndpoints } from "./api/quota.ts";
import { rotationEndpoint, signInEndpoint } from "./api/setup.ts";
import { routeEndpoints } from "./api/routes.ts";
import { serviceEndpoints } from "./api/services.ts";
import { addConsole } from "./console.ts";
import type { Facts } from "./facts.ts";
import type { Gateway, ListenerStatus } from "./gateway.ts";
import { createStoryTeller } from "../reports/story.ts";
import { readOverrides } from "../services/overrides.ts";

export interface AdminOptions {
  readonly config: GatewayConfig;
  readonly dataDirectory: string;
  readonly facts: Facts;
}

const maxBodyBytes = 1024 ** 2;

/** Resolves when both listen; disposing closes them. */
export async function openAdmin(gateway: Gateway, { config, dataDirectory, facts }: AdminOptions): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const teller = createStoryTeller();
  const onFault = (error: unknown, where: string) => facts.queue.fault(where, error);
  const web = config.http.console;
  let listener: ListenerStatus | null = null;
  // The parts know their own listeners; the console's is added here.
  const whole: Gateway = {
    ...gateway,
    status: () => withListener(gateway.status(), listener),
    ready: () => withListener(gateway.ready(), listener),
  };
  const info = {
    title: "Postern operator API",
    version: gateway.status().version,
    description: "What the console and the command line use. Over TCP it needs `Authorization: Bearer TOKEN`.",
  };
  const routes = (by: string): ApiRoute[] => [
    ...processEndpoints(whole),
    ...queueEndpoints(whole, by),
    ...messageEndpoints(whole, teller),
    ...routeEndpoints(whole, teller, by),
    doctorEndpoint(whole),
    ...pinEndpoints(whole, by),
    ...quotaEndpoints(whole),
    forecastEndpoint(whole),
    rotationEndpoint(whole),
    ...serviceEndpoints(whole, readOverrides(config.services)),
  ];

  const control = createApiServer({
    info,
    routes: [...routes("command line"), backupEndpoint(whole), signInEndpoint(whole)],
    maxBody: maxBodyBytes,
    onFault,
  });
  opening.defer(() => control.close());
  await control.ready();
  const server = createServer((request, response) => control.routing(request, response));
  await listenPrivately(server, join(dataDirectory, "control.sock"));
  opening.defer(() => closeServer(server));

  if (web.enabled) {
    const access = openAccess(readOrMakeToken(dataDirectory));
    const app = createApiServer({
      info,
      routes: routes("console"),
      hosts: [hostOf(web.address), ...web.hosts],
      maxBody: maxBodyBytes,
      onFault,
    });
    opening.defer(() => app.close());
    addConsole(app, { gateway: whole, access, teller });
    await app.listen({ host: web.address, port: web.port });
    const port = portOf(app);
    listener = { name: "console", kind: "http", address: web.address, port, ready: true, connections: 0 };
    facts.door.listening("console", web.address, port);
  }
  const open = opening.move();
  return { [Symbol.asyncDispose]: () => open.disposeAsync() };
}

function withListener<T extends { readonly listeners: readonly ListenerStatus[] }>(value: T, listener: ListenerStatus | null): T {
  return listener === null ? value : { ...value, listeners: [...value.listeners, listener] };
}

/** Binds with the mode already in place: there is no moment at which others could connect. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  // What a killed process left; the lock on the data directory says that nobody listens there.
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  using short = socketPath(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177);
    try {
      server.listen(short.path, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
