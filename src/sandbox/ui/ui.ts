import { createApiServer } from "../../lib/http/api-server.ts";
import type { ApiRoute } from "../../lib/http/api-route.ts";
import type { Followers } from "../clock/followers.ts";
import type { EntraDirectory } from "../entra/entra.ts";
import type { House } from "../house.ts";
import { usageRoutes } from "./usage-routes.ts";
import type { AddressInfo } from "node:net";
import { addressRoutes } from "./address-routes.ts";
import { clockRoutes } from "./clock-routes.ts";
import { dnsRoutes } from "./dns-routes.ts";
import { edgeRoutes } from "./edge-routes.ts";
import { entraRoutes } from "./entra-routes.ts";
import { faultRoutes } from "./fault-routes.ts";
import { addHvePages } from "./hve-pages.ts";
import { hveRoutes } from "./hve-routes.ts";
import { messageRoutes } from "./message-routes.ts";
import { addPages } from "./pages.ts";
import { stateRoutes } from "./state-routes.ts";
import { tenantRoutes } from "./tenant-routes.ts";

/**
 * The control API and its page, on one port. Needs no login: whoever reaches loopback may use the sandbox; pages of foreign origins may not
 * (lib/http/request-guard.ts). Shapes are in /openapi.json and in docs/reference/sandbox.md.
 */
export interface UiSurroundings {
  readonly followers: Followers;
  readonly services: readonly ServicePort[];
  readonly entra: EntraDirectory;
  /** Ends what waits for the clock, and the streams. */
  readonly signal: AbortSignal;
}

export interface ServicePort {
  readonly service: string;
  readonly environmentName: string;
  readonly port: number;
  /** Its name's value is a URL of this scheme; absent: host:port. */
  readonly scheme?: "https" | "http";
}

export interface Ui extends AsyncDisposable {
  readonly port: number;
}

export async function openUi(house: House, surroundings: UiSurroundings): Promise<Ui> {
  const app = createApiServer({
    ...uiInfo,
    routes: uiRoutes(house, surroundings),
    onFault: (error, where) => house.options.log({ event: "sandbox.fault", where, error }),
  });
  addPages(app, house, surroundings);
  addHvePages(app, house);
  await app.listen({ host: house.options.address, port: house.options.ports.ui });
  return { port: (app.server.address() as AddressInfo).port, [Symbol.asyncDispose]: () => app.close() };
}

const uiInfo = {
  info: {
    title: "Postern sandbox: control API",
    version: "1",
    description: "Mail that arrived, the policy clock, faults and the tenant of a running sandbox.",
  },
  maxBody: 64 * 1024,
  anyMediaType: true,
} as const;

function uiRoutes(house: House, surroundings: UiSurroundings): readonly ApiRoute[] {
  return [
    ...messageRoutes(house),
    ...clockRoutes(house, surroundings),
    ...faultRoutes(house),
    ...dnsRoutes(house, surroundings),
    ...addressRoutes(house),
    ...edgeRoutes(house),
    ...usageRoutes(house),
    ...tenantRoutes(house, surroundings),
    ...entraRoutes(surroundings),
    ...hveRoutes(house),
    ...stateRoutes(house),
  ];
}
