import { LruMap } from "../lib/lru.ts";

/** Which device speaks what: the inventory that says who would break when a protocol is switched off. */
export interface Device {
  readonly listener: string;
  readonly address: string;
  /** A principal's or network's name; empty when it got no further. */
  readonly principal: string;
  /** Every TLS version and cipher seen; `none` for plain text. */
  readonly tls: readonly string[];
  /** Every SASL mechanism seen; `none` for without log-in. */
  readonly auth: readonly string[];
  /** What it called itself. */
  readonly names: readonly string[];
  /** It sent a ClientHello to a plain port. */
  readonly tlsOnPlainPort: boolean;
  /** It said HELO, so it knows no extensions. */
  readonly plainHello: boolean;
  readonly connections: number;
  readonly messages: number;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

/** What one connection showed. */
export interface Sighting {
  readonly listener: string;
  readonly address: string;
  readonly principal: string;
  readonly tls: string;
  readonly auth: string;
  readonly name: string;
  readonly tlsOnPlainPort: boolean;
  readonly plainHello: boolean;
  readonly messages: number;
}

const maxDevices = 10_000;
/** Clients that got no further than connecting; kept apart, so that strangers cannot crowd out devices. */
const maxStrangers = 1_000;
/** Distinct values kept of one kind. */
const maxValues = 8;
/** A client chooses its name; what we keep of it is bounded. */
const maxName = 128;

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] };

/** Bounded memory: the devices seen longest ago are forgotten first. Wall time. */
export class DeviceRegistry {
  readonly #devices = new LruMap<string, Writable<Device>>(maxDevices);
  readonly #strangers = new LruMap<string, Writable<Device>>(maxStrangers);

  record(sighting: Sighting, now: number): void {
    const key = `${sighting.listener} ${sighting.address} ${sighting.principal}`;
    const among = sighting.principal === "" ? this.#strangers : this.#devices;
    let device = among.get(key);
    if (device === undefined) {
      const { listener, address, principal } = sighting;
      const empty = { tls: [], auth: [], names: [], tlsOnPlainPort: false, plainHello: false };
      device = { listener, address, principal, ...empty, connections: 0, messages: 0, firstSeenAt: now, lastSeenAt: now };
      among.set(key, device);
    }
    device.connections++;
    device.messages += sighting.messages;
    device.lastSeenAt = now;
    if (sighting.tlsOnPlainPort) device.tlsOnPlainPort = true;
    if (sighting.plainHello) device.plainHello = true;
    add(device.tls, sighting.tls === "" ? "none" : sighting.tls);
    add(device.auth, sighting.auth === "" ? "none" : sighting.auth);
    if (sighting.name !== "") add(device.names, sighting.name.slice(0, maxName));
  }

  /** Last seen first. */
  snapshot(): readonly Device[] {
    return [...this.#devices.values(), ...this.#strangers.values()]
      .map((device) => structuredClone(device))
      .sort((a, b) => b.lastSeenAt - a.lastSeenAt);
  }
}

function add(values: string[], value: string): void {
  if (values.length < maxValues && !values.includes(value)) values.push(value);
}
