import type { GatewayConfig } from "../config/config.ts";
import type { Identity } from "../identity/identity.ts";
import { AcsApi } from "../ingress/acs/acs-api.ts";
import type { HttpDoorLog } from "../ingress/http/door-log.ts";
import type { HttpApi } from "../ingress/http/http-api.ts";
import { HttpDoor } from "../ingress/http/http-door.ts";
import type { FindEarlier } from "../ingress/sendgrid/repeated-requests.ts";
import { SendGridApi } from "../ingress/sendgrid/sendgrid-api.ts";
import type { Clock } from "../lib/clock.ts";
import type { Archive } from "../queue/archive.ts";
import type { Submit, SubmitAll } from "../submission/submission.ts";
import { operationRecords } from "./operation-records.ts";

/** The HTTP door with every compatible API; it listens where `http.listeners` says. */
export function openApis(config: Pick<GatewayConfig, "hostname" | "http">, deps: ApiDeps): HttpDoor {
  return new HttpDoor({ listeners: config.http.listeners }, { apis: apisFor(config, deps), log: deps.log });
}

export interface ApiDeps {
  readonly submit: Submit;
  readonly submitAll: SubmitAll;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly archive: Archive;
  readonly log: HttpDoorLog;
}

function apisFor({ hostname }: Pick<GatewayConfig, "hostname">, deps: ApiDeps): readonly HttpApi[] {
  const { submit, submitAll, identity, archive, clock, log } = deps;
  return [
    new AcsApi(hostname, { submit, identity, records: operationRecords(archive), log, now: () => clock.now() }),
    new SendGridApi({ submitAll, identity, clock, hostname, findEarlier: findEarlier(archive), log }),
  ];
}

/** Messages looked at that have one Message-ID. */
const mostEarlier = 5;

/** What came by a Message-ID before, waiting or finished. */
export function findEarlier(archive: Pick<Archive, "find" | "trace">): FindEarlier {
  return async (messageIdField, since) => {
    const found = await archive.find({ messageIdField, since, limit: mostEarlier });
    const records = await Promise.all(found.map(({ id }) => archive.trace(id)));
    return records.flatMap((record) => {
      if (record === null) return [];
      const { id, principal, origin } = record;
      return [{ id, principal, door: origin.door, ...(origin.request === undefined ? {} : { request: origin.request }) }];
    });
  };
}
