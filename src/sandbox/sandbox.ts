import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { AddressMap } from "./addresses/address-map.ts";
import { keepOffset, readOffset } from "./clock/kept-offset.ts";
import { Followers } from "./clock/followers.ts";
import { SandboxClock } from "./clock/sandbox-clock.ts";
import { Edge } from "./exo/edge.ts";
import { EntraDirectory } from "./entra/entra.ts";
import { entraService } from "./entra/entra-service.ts";
import { managedIdentityService } from "./entra/managed-identity.ts";
import { openFront } from "./front/front.ts";
import { Faults } from "./faults/faults.ts";
import { openDnsServer } from "./dns/dns-server.ts";
import { WorldDns } from "./dns/world-dns.ts";
import { seededRandom } from "../lib/seeded-random.ts";
import type { House } from "./house.ts";
import { mtaStsPolicy } from "./internet/mta-sts-policy.ts";
import { MessageStore } from "./messages/message-store.ts";
import type { SandboxOptions } from "./options.ts";
import { PostOffice } from "./post/post-office.ts";
import { Published } from "./published.ts";
import { readOverrides } from "../services/overrides.ts";
import { rooms } from "./rooms.ts";
import { openReceiver } from "./smtp/receiver.ts";
import { TenantStore } from "./tenant/tenant-store.ts";
import { RecipientLimits } from "./usage/recipient-limits.ts";
import { TenantLimits } from "./usage/tenant-limits.ts";
import { Usage } from "./usage/usage.ts";
import { openUi, type ServicePort } from "./ui/ui.ts";
import { SigningKeys } from "./world/signing-keys.ts";
import { worldFacts } from "./world/world-facts.ts";

/**
 * The sandbox: the Microsoft side, emulated. This file is its composition root.
 *
 * It promises real protocols on real sockets, answers as published (what is not published says so where it is written), mail that can be
 * read back byte for byte, misbehaviour on request, and a policy clock that can be moved. It does not promise the size, the security or the
 * durability of the real thing: its credentials are public and it belongs on loopback. It shares wire/ with the gateway and nothing above it,
 * so that it can judge the gateway. Each emulated service is a *room* (rooms.ts); a room that does not exist has no port.
 */
export interface Sandbox extends AsyncDisposable {
  readonly address: string;
  /** The control API and its page. */
  readonly uiPort: number;
  readonly services: readonly ServicePort[];
  readonly tenant: TenantStore;
}

/** Resolves when every port is open. @throws what opening the folder or a port throws; nothing stays open then. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  await using opening = new AsyncDisposableStack();
  const stop = opening.adopt(new AbortController(), (controller) => controller.abort());
  await mkdir(options.dataDirectory, { recursive: true, mode: 0o700 });
  const [cert, key] = await Promise.all([readFile(options.tls.certificateFile), readFile(options.tls.keyFile)]);
  const followers = new Followers();
  const clockFile = join(options.dataDirectory, "clock.json");
  const clock = opening.use(
    new SandboxClock(followers, beginAt(clockFile, options.startAt), (offsetMs) => keepOffset(clockFile, offsetMs)),
  );
  const messages = opening.use(
    await MessageStore.open({
      folder: join(options.dataDirectory, "messages"),
      keepMessages: options.keep.messages,
      keepBytes: options.keep.bytes,
    }),
  );
  // Microsoft's endpoints take TLS 1.2 and 1.3.
  const tls = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  const tenant = new TenantStore(options.tenant, join(options.dataDirectory, "tenant.json"));
  const published = new Published(readOverrides(options.services));
  const { lateMs, seed } = options.limits;
  const usage = new Usage(lateMs, seed === null ? Math.random : seededRandom(seed));
  const recipientLimits = new RecipientLimits(usage, published, options.receivingLimits);
  const tenantLimits = new TenantLimits(usage, tenant, published);
  const keys = new SigningKeys(join(options.dataDirectory, "keys"));
  const dns = new WorldDns(() => worldFacts(tenant.current, options.internet.domains, keys, cert.toString()), options.dns);
  const entra = new EntraDirectory(tenant, clock, join(options.dataDirectory, "entra-keys.json"));
  const edge = new Edge();
  const post = opening.use(new PostOffice({ options, tenant, clock, messages, dns, keys, edge, usage, recipientLimits, tenantLimits }));
  const house: House = {
    options,
    dns,
    edge,
    published,
    recipientLimits,
    tenantLimits,
    tenant,
    entra,
    clock,
    messages,
    faults: new Faults(options.faults),
    post,
    addresses: new AddressMap(options.addresses),
    usage,
    tls,
  };
  const services: ServicePort[] = [];
  for (const make of rooms) {
    const room = make(house);
    const { port } = opening.use(await openReceiver(house, room));
    services.push({ service: room.service, environmentName: room.environmentName, port });
  }
  const nameServer = opening.use(
    await openDnsServer(dns, {
      address: options.address,
      port: options.ports.dns,
      onFault: (error) => options.log({ event: "sandbox.fault", where: "dns", error }),
    }),
  );
  services.push({ service: "dns", environmentName: "SANDBOX_DNS", port: nameServer.port });
  const front = opening.use(
    await openFront(
      house,
      [entraService(entra), managedIdentityService(entra), mtaStsPolicy(options.internet.domains)],
      { cert, key },
      stop.signal,
    ),
  );
  services.push({ service: "api", environmentName: "SANDBOX_API", port: front.httpsPort, scheme: "https" });
  services.push({ service: "api-http", environmentName: "SANDBOX_API_HTTP", port: front.httpPort, scheme: "http" });
  const ui = opening.use(await openUi(house, { followers, services, entra, signal: stop.signal }));
  opening.defer(() => options.log({ event: "sandbox.stopped" }));
  // What waits for the clock or for a client ends first.
  opening.defer(() => stop.abort());
  options.log({
    event: "sandbox.started",
    listeners: Object.fromEntries([
      ...services.map(({ service, port }) => [service, `${options.address}:${port}`]),
      ["ui", `${options.address}:${ui.port}`],
    ]),
  });
  const open = opening.move();
  return { address: options.address, uiPort: ui.port, services, tenant, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** The clock's offset: kept from before, or that of the beginning, which is kept at once, for time goes on from there. */
function beginAt(clockFile: string, startAt: number | null): number {
  const kept = readOffset(clockFile);
  if (kept !== null) return kept;
  const offsetMs = startAt === null ? 0 : startAt - Date.now();
  if (startAt !== null) keepOffset(clockFile, offsetMs);
  return offsetMs;
}
