import type { GatewayConfig } from "../config/config.ts";
import type { Identity } from "../identity/identity.ts";
import type { HttpDoorLog } from "../ingress/http/door-log.ts";
import type { HttpApi } from "../ingress/http/http-api.ts";
import { HttpDoor } from "../ingress/http/http-door.ts";
import type { Archive } from "../queue/archive.ts";
import type { Submit } from "../submission/submission.ts";

/** The HTTP door with every compatible API; it listens where `http.listeners` says. */
export function openApis(config: Pick<GatewayConfig, "hostname" | "http">, deps: ApiDeps): HttpDoor {
  return new HttpDoor({ listeners: config.http.listeners }, { apis: apisFor(config, deps), log: deps.log });
}

export interface ApiDeps {
  readonly submit: Submit;
  readonly identity: Identity;
  readonly archive: Archive;
  readonly log: HttpDoorLog;
}

function apisFor(_config: Pick<GatewayConfig, "hostname">, _deps: ApiDeps): readonly HttpApi[] {
  return [];
}
