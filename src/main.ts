/**
 * The composition root of the gateway: configuration → parts → start → stop. Only this file knows everything.
 *
 * Start: store (and with it the lock on the data directory) → routes → queue → doors → console. Stop: the other way round, so that nothing
 * is accepted that cannot be kept, and nothing is cut off that may end.
 */
import { openAdmin } from "./admin/open-admin.ts";
import type { Facts } from "./admin/facts.ts";
import type { ReloadReport, RunningGateway } from "./admin/gateway.ts";
import { createGateway } from "./admin/operate.ts";
import { openApis } from "./compose/open-apis.ts";
import { openBounces } from "./compose/open-bounces.ts";
import { openForecast } from "./compose/open-forecast.ts";
import { openIdentities } from "./compose/open-identities.ts";
import { openMtaSts } from "./compose/open-mta-sts.ts";
import { openNetwork } from "./compose/open-network.ts";
import { openRoutes } from "./compose/open-routes.ts";
import { openPauses } from "./compose/open-pauses.ts";
import { openQuota, type OpenQuota } from "./compose/open-quota.ts";
import { openReputation } from "./compose/open-reputation.ts";
import { openPins } from "./compose/open-pins.ts";
import { stateFiles } from "./compose/state-files.ts";
import type { GatewayConfig } from "./config/config.ts";
import { dkimKeys } from "./domains/dkim/dkim-keys.ts";
import { DkimSigner } from "./domains/dkim/dkim-signer.ts";
import { createBounceDesk } from "./feedback/bounces/bounce-desk.ts";
import { DeviceRegistry } from "./ingress/devices.ts";
import type { HttpDoor } from "./ingress/http/http-door.ts";
import { PickupDoor } from "./ingress/pickup/pickup-door.ts";
import { SmtpDoor } from "./ingress/smtp/smtp-door.ts";
import { Identity } from "./identity/identity.ts";
import { followClock } from "./lib/clock-follower.ts";
import { PolicyClock } from "./lib/clock.ts";
import { IdSource } from "./lib/ids.ts";
import type { Archive } from "./queue/archive.ts";
import { Queue } from "./queue/queue.ts";
import { createLateNews } from "./queue/keep-late-news.ts";
import { createDsnComposer } from "./reports/dsn.ts";
import type { Route } from "./routes/route.ts";
import { Router } from "./routing/decide.ts";
import { openStore } from "./store/sqlite/open-store.ts";
import { createSubmitAll } from "./submission/submit-all.ts";
import { createSubmit } from "./submission/submit.ts";

export interface StartOptions {
  readonly facts: Facts;
  /** Holds everything that must survive; one gateway at a time. */
  readonly dataDirectory: string;
  readonly version: string;
  /** Reads the configuration again for a reload; absent: reloading is refused. @param now policy-clock ms */
  readonly readConfig?: (now: () => number) => Promise<GatewayConfig>;
}

export async function startGateway(config: GatewayConfig, options: StartOptions): Promise<RunningGateway> {
  const { facts, dataDirectory } = options;
  const cleanUp = new AsyncDisposableStack();
  try {
    const failed = Promise.withResolvers<Error>();
    const clock = cleanUp.use(new PolicyClock());
    // Before anything asks for the time: nothing may be accepted, or counted, at another than the sandbox's.
    let atRest = (): Promise<void> => Promise.resolve();
    if (config.clock.follow !== undefined) {
      const follower = cleanUp.use(followClock({ url: config.clock.follow, clock, atRest: () => atRest() }));
      await soon(follower.ready, `no clock to follow at ${config.clock.follow}: start the sandbox first`);
    }
    const opened = await openStore({
      directory: dataDirectory,
      beside: stateFiles,
      now: () => clock.now(),
      freeSpaceReserveBytes: config.queue.freeSpaceReserve,
      retention: { keepMs: config.history.keepMs, maxBytes: config.history.maxSize },
      onFault: (error) => failed.resolve(error),
      onTrouble: (error) => facts.queue.fault("store", error),
    });
    cleanUp.use(opened);
    const { store, archive } = opened;
    const network = openNetwork(config.network, () => clock.now());
    cleanUp.use(network.http);
    const identities = cleanUp.use(await openIdentities(config, network, dataDirectory, facts.identities));
    const sts = await openMtaSts(config, network, dataDirectory, () => clock.now(), facts.routes);
    if (sts !== null) cleanUp.use(sts);
    const signer = config.domains.length === 0 ? null : cleanUp.use(new DkimSigner(dkimKeys(config.domains), () => clock.now()));
    const bounces = await openBounces(config, dataDirectory, clock, (error) => facts.queue.fault("bounce keys", error));
    if (bounces !== null) cleanUp.use(bounces);
    const bounce = bounces?.addresses.make ?? null;
    const routes = openRoutes(config, { network, sts, identities, signer, bounce, facts, now: () => clock.now() });
    for (const route of routes.values()) cleanUp.use(route);
    const pins = cleanUp.use(await openPins(dataDirectory, clock, (list) => queue.reroute(queue.router.withPins(list))));
    const router = new Router(config.routing, new Map([...routes].map(([name, route]) => [name, route.traits])), pins.list());
    const ids = new IdSource(() => clock.now(), store.lastId);
    const dsn = createDsnComposer({ hostname: config.hostname, postmaster: config.postmaster });
    const reputation = cleanUp.use(
      await openReputation(dataDirectory, { now: () => clock.now(), onTrouble: (error) => facts.queue.fault("reputation", error) }),
    );
    const log = reputation.counting(facts.queue);
    const quota = cleanUp.use(
      await openQuota(config, dataDirectory, {
        clock,
        journal: store.limitJournal,
        dns: network.dns,
        reputation,
        onFreed: (freed) => queue.dispatcher.freed(freed),
        onChanged: () => queue.dispatcher.freed(routes.keys()),
        alert: (alert) => facts.limitAlert(alert),
        onTrouble: (where, error) => facts.queue.fault(where, error),
      }),
    );
    const queue = new Queue({
      store,
      archive,
      clock,
      ids,
      routes,
      router,
      options: config.queue,
      dsn,
      limits: quota.ledger,
      log,
      onStoreFailed: (error) => failed.resolve(error instanceof Error ? error : new Error(String(error))),
    });
    const pauses = await openPauses(dataDirectory, (error) => log.fault("pauses", error));
    for (const route of config.routes) {
      const paused = pauses.get(route.name);
      if (paused !== undefined || (route.kind !== "sink" && route.paused === true)) queue.dispatcher.pause(route.name, paused?.at);
    }
    const identity = cleanUp.use(
      new Identity({ networks: config.networks, principals: config.principals }, { clock, ...identities.verifier }),
    );
    const devices = new DeviceRegistry();
    const submitDeps = {
      queue,
      store,
      clock,
      ids,
      hostname: config.hostname,
      postmaster: config.postmaster,
      options: config.queue,
      rates: identity,
    };
    const submit = createSubmit(submitDeps);
    const lateNews = createLateNews({ queue, archive, clock, ids, options: config.queue, dsn, log });
    const desk =
      bounces === null ? {} : { bounces: createBounceDesk({ addresses: bounces.addresses, lateNews, returned: facts.returned }) };
    const door = new SmtpDoor(
      { hostname: config.hostname, listeners: config.listeners, local: config.sendmail },
      { submit, identity, devices, log: facts.door, ...desk },
    );
    const isKnown = async (id: number) => (await archive.trace(id)) !== null;
    const pickup = new PickupDoor({ hostname: config.hostname, folders: config.pickup }, { submit, identity, isKnown, log: facts.door });
    const apis = openApis(config, { submit, submitAll: createSubmitAll(submitDeps), clock, identity, archive, log: facts.door });

    await queue.open();
    atRest = () => queue.dispatcher.atRest();
    // First: which files a crash left is told by ids that nobody may use anew before.
    await cleanUp.use(pickup).listen();
    await Promise.all([cleanUp.use(door).listen(), cleanUp.use(apis).listen()]);

    const stop = async (graceMs: number): Promise<void> => {
      await Promise.all([door, apis, pickup].map((each) => each.close(graceMs)));
      await queue.close(graceMs);
      await cleanUp.disposeAsync();
    };
    const oldest = cleanUp.use(watchOldest(archive));
    const inForce: InForce = { ...config };
    const gateway = createGateway({
      config,
      version: options.version,
      startedAt: Date.now(),
      clock,
      opened,
      queue,
      door,
      apis,
      pickup,
      devices,
      counters: facts.counters,
      pins,
      pauses,
      quota: quota.control,
      forecast: openForecast(inForce, { clock, archive, queue, ledger: quota.ledger }),
      oldestWaiting: oldest.receivedAt,
      identities: identities.sources,
      clockSkew: identities.clockSkew,
      signIn: identities.signIn,
      reload: () => reload(options, inForce, { queue, routes, door, apis, identity, quota, facts, now: () => clock.now() }),
    });
    cleanUp.use(await openAdmin(gateway, { config, dataDirectory, facts }));
    facts.started(options.version, dataDirectory);
    return { ...gateway, stop, failed: failed.promise };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}

const clockWaitMs = 30_000;

/** Waits, but not for ever: whoever starts a gateway should learn why it does not. */
async function soon<T>(work: Promise<T>, complaint: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(complaint)), clockWaitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const oldestRefreshMs = 2000;

/** Keeps at hand when the longest waiting message came, so that a status costs no question to the store. */
function watchOldest(archive: Archive): { readonly receivedAt: () => number | null } & Disposable {
  let receivedAt: number | null = null;
  const refresh = () => {
    archive.list({}, { limit: 1 }).then(
      ([entry]) => (receivedAt = entry?.message.receivedAt ?? null),
      () => undefined,
    );
  };
  refresh();
  const timer = setInterval(refresh, oldestRefreshMs).unref();
  return { receivedAt: () => receivedAt, [Symbol.dispose]: () => clearInterval(timer) };
}

/** The configuration as it runs: that of the start, but for what a reload has applied since. */
type InForce = { -readonly [Key in keyof GatewayConfig]: GatewayConfig[Key] };

/** Applies what can change while running: rules, limits, networks and principals, certificates. The rest is reported, not half applied. */
async function reload(
  { readConfig }: StartOptions,
  old: InForce,
  parts: {
    queue: Queue;
    routes: ReadonlyMap<string, Route>;
    door: SmtpDoor;
    apis: HttpDoor;
    identity: Identity;
    quota: OpenQuota;
    facts: Facts;
    now: () => number;
  },
): Promise<ReloadReport> {
  const generation = parts.queue.router.generation;
  if (readConfig === undefined)
    return { ok: false, generation, applied: [], needsRestart: [], faults: ["this gateway was started without a file"] };
  let config: GatewayConfig;
  try {
    config = await readConfig(parts.now);
  } catch (error) {
    return { ok: false, generation, applied: [], needsRestart: [], faults: [error instanceof Error ? error.message : String(error)] };
  }
  const applied: string[] = [];
  const traits = new Map([...parts.routes].map(([name, route]) => [name, route.traits]));
  const router = new Router(config.routing, traits, parts.queue.router.pins);
  // Rules for a route that does not run yet wait with it: applied alone they would refuse mail for good.
  const waits = config.routing.rules.some((rule) => rule.routes.some((name) => !parts.routes.has(name)));
  if (router.generation !== generation && !waits) {
    parts.queue.reroute(router);
    applied.push("routing");
  }
  const { tenant, limits } = config;
  // Routes as they run: what another log-in or service is counted for begins with it.
  Object.assign(old, { tenant, limits, routing: waits ? old.routing : config.routing });
  if (parts.quota.reconfigure(old)) applied.push("limits");
  const { networks, principals } = config;
  const people = (["networks", "principals"] as const).filter((key) => JSON.stringify(old[key]) !== JSON.stringify(config[key]));
  if (people.length > 0) {
    parts.identity.reconfigure({ networks, principals });
    Object.assign(old, { networks, principals });
    applied.push(...people);
  }
  for (const listener of config.listeners) {
    if (listener.tls === undefined) continue;
    parts.door.useCertificate(listener.name, listener.tls);
    applied.push(`certificate of listener ${listener.name}`);
  }
  for (const listener of config.http.listeners) {
    if (listener.tls === undefined) continue;
    parts.apis.useCertificate(listener.name, listener.tls);
    applied.push(`certificate of listener ${listener.name}`);
  }
  const needsRestart: string[] = (
    [
      "hostname",
      "postmaster",
      "sendmail",
      "pickup",
      "tokens",
      "identities",
      "tokenStore",
      "domains",
      "routes",
      "services",
      "queue",
      "network",
      "history",
      "log",
      "clock",
    ] as const
  ).filter((key) => JSON.stringify(old[key]) !== JSON.stringify(config[key]));
  if (JSON.stringify(withoutCertificates(old)) !== JSON.stringify(withoutCertificates(config))) needsRestart.push("listeners");
  if (JSON.stringify(withoutKeys(old.http)) !== JSON.stringify(withoutKeys(config.http))) needsRestart.push("http");
  if (waits) needsRestart.push("routing");
  const inForce = parts.queue.router.generation;
  parts.facts.reloaded(inForce, applied);
  return { ok: true, generation: inForce, applied, needsRestart, faults: [] };
}

function withoutCertificates({ listeners }: { readonly listeners: readonly { readonly tls?: unknown }[] }) {
  return listeners.map(({ tls, ...rest }) => ({ ...rest, tls: tls !== undefined }));
}

function withoutKeys({ listeners, ...rest }: GatewayConfig["http"]) {
  return { ...rest, ...withoutCertificates({ listeners }) };
}
