import { findEarlier } from "../../src/compose/open-apis.ts";
import { Identity } from "../../src/identity/identity.ts";
import type { LockOutLimits } from "../../src/identity/lock-out.ts";
import type { UserOptions } from "../../src/identity/options.ts";
import type { HttpDoorLog } from "../../src/ingress/http/door-log.ts";
import { HttpDoor } from "../../src/ingress/http/http-door.ts";
import { SendGridApi } from "../../src/ingress/sendgrid/sendgrid-api.ts";
import { IdSource } from "../../src/lib/ids.ts";
import type { Route } from "../../src/routes/route.ts";
import { createSubmitAll } from "../../src/submission/submit-all.ts";
import { openQueueWorld, testOptions, type QueueWorld } from "./queue-world.ts";

/** The SendGrid API behind a real listener, over a real queue. */
export interface ApiDoor extends AsyncDisposable {
  readonly world: QueueWorld;
  readonly door: HttpDoor;
  readonly baseUrl: string;
  /** `accepted ID`, `refused CODE`, `log-in CODE`, `fault …`. */
  readonly facts: readonly string[];
}

export interface ApiDoorOptions {
  readonly routes: readonly Route[];
  readonly principals: readonly UserOptions[];
  readonly maxContentInMemory?: number;
  readonly lockOutLimits?: LockOutLimits;
}

export async function openApiDoor({ routes, principals, maxContentInMemory, lockOutLimits }: ApiDoorOptions): Promise<ApiDoor> {
  const world = await openQueueWorld({ routes });
  const { queue, opened, clock } = world;
  const identity = new Identity({ networks: [], principals }, { clock, ...(lockOutLimits === undefined ? {} : { lockOutLimits }) });
  const facts: string[] = [];
  const hostname = "gateway.contoso.example";
  const submitAll = createSubmitAll({
    queue,
    store: opened.store,
    clock,
    ids: new IdSource(() => clock.now(), opened.store.lastId),
    hostname,
    postmaster: "postmaster@contoso.example",
    options: testOptions,
    rates: identity,
  });
  const log: HttpDoorLog = {
    listening: () => undefined,
    accepted: (client, id) => void facts.push(`accepted ${client.principalName} ${id}`),
    refused: (_client, code) => void facts.push(`refused ${code}`),
    loggedIn: () => undefined,
    logInFailed: (_client, _mechanism, _user, code) => void facts.push(`log-in ${code}`),
    turnedAway: (_listener, _address, code) => void facts.push(`turned away ${code}`),
    fault: (_client, error) => void facts.push(`fault ${String(error)}`),
  };
  const apis = [new SendGridApi({ submitAll, identity, clock, hostname, findEarlier: findEarlier(opened.archive), log })];
  const door = new HttpDoor(
    { listeners: [{ name: "api", address: "127.0.0.1", port: 0 }], ...(maxContentInMemory === undefined ? {} : { maxContentInMemory }) },
    { apis, log },
  );
  await door.listen();
  return {
    world,
    door,
    facts,
    baseUrl: `http://127.0.0.1:${door.addresses()[0]?.port ?? 0}`,
    async [Symbol.asyncDispose]() {
      await door.close(1000);
      await identity[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}
