import { worldZones, type WorldFacts } from "../world/world-zones.ts";
import type { WorldHost } from "../world/hosts.ts";
import { DnsFaults, type DnsFault } from "./dns-faults.ts";
import { canonicalName, readRecord, type DnsRecordFile, type DnsZoneFile } from "./record.ts";
import { Zones } from "./zones.ts";

/** What the operator adds to the built-in zones. */
export interface DnsAdditions {
  readonly records: readonly DnsRecordFile[];
  readonly zones: readonly DnsZoneFile[];
}

export interface DnsChange {
  readonly records?: readonly DnsRecordFile[] | undefined;
  readonly zones?: readonly DnsZoneFile[] | undefined;
  readonly faults?: readonly DnsFault[] | undefined;
}

/**
 * The DNS of the sandbox's world, as data: the built-in zones, what sandbox.yaml and the control API add, and the faults. The name server
 * (dns-server.ts) and the checks of the rooms in this process (check-resolver.ts) ask the same one.
 */
export class WorldDns {
  readonly faults = new DnsFaults();
  readonly #facts: () => WorldFacts;
  readonly #initial: DnsAdditions;
  #additions: DnsAdditions;
  #built: { readonly key: string; readonly zones: Zones; readonly hosts: readonly WorldHost[] } | null = null;

  /** @param facts asked for at each look-up: the tenant can change. */
  constructor(facts: () => WorldFacts, initial: DnsAdditions) {
    this.#facts = facts;
    this.#initial = initial;
    this.#additions = initial;
  }

  zones(): Zones {
    return this.#current().zones;
  }

  hosts(): readonly WorldHost[] {
    return this.#current().hosts;
  }

  get additions(): DnsAdditions {
    return this.#additions;
  }

  /** Replaces what was added; absent parts stay. */
  change({ records, zones, faults }: DnsChange): void {
    this.#additions = { records: records ?? this.#additions.records, zones: zones ?? this.#additions.zones };
    if (faults !== undefined) this.faults.set(faults);
    this.#built = null;
  }

  /** Back to sandbox.yaml. */
  reset(): void {
    this.change({ ...this.#initial, faults: [] });
  }

  #current(): { readonly zones: Zones; readonly hosts: readonly WorldHost[] } {
    const facts = this.#facts();
    const key = [facts.tenantDomains, facts.acsDomains, facts.sendgridDomains].map((names) => names.join(" ")).join("|");
    if (this.#built?.key === key) return this.#built;
    const built = worldZones(facts);
    const added = this.#additions.zones.map(({ name, authentic = false }) => ({ name: canonicalName(name), authentic }));
    const zones = [...built.zones.filter(({ name }) => !added.some((zone) => zone.name === name)), ...added];
    this.#built = { key, zones: new Zones(zones, built.records, this.#additions.records.map(readRecord)), hosts: built.hosts };
    return this.#built;
  }
}
