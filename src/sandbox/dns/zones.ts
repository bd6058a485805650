import type { DnsRecord, RecordType, ZoneFacts } from "./record.ts";
import { canonicalName } from "./record.ts";

/** What a look-up finds. */
export interface Found {
  readonly status: "found" | "no-data" | "no-such-name" | "loop";
  /** The chain of aliases, then the records that were asked for. */
  readonly records: readonly DnsRecord[];
  /** The zone of the last name: its SOA says how long a "no" is good for. */
  readonly zone: ZoneFacts;
  /** Every zone on the way is authentic. */
  readonly authentic: boolean;
}

/** RFC 1034 §3.6.2: chains of aliases should be short, and loops be an error. */
const longestChain = 8;

/**
 * All names of the sandbox's world, in zones. There is nothing else in it: a name that no zone knows does not exist.
 *
 * Later records of a name and type take the place of earlier lists of it: the first list is the built-in one, the second what the operator
 * adds. An alias has no other records beside it, so the later of the two stays.
 */
export class Zones {
  readonly #zones: readonly ZoneFacts[];
  readonly #records = new Map<string, Map<RecordType, DnsRecord[]>>();
  /** Names above names that have records: they exist and have no data (RFC 8020). */
  readonly #names = new Set<string>();

  constructor(zones: readonly ZoneFacts[], ...lists: readonly (readonly DnsRecord[])[]) {
    this.#zones = [...zones, { name: "", authentic: false }].toSorted((a, b) => b.name.length - a.name.length);
    for (const list of lists) this.#add(list);
    for (const name of [...this.#records.keys(), ...zones.map((zone) => zone.name)]) this.#exists(name);
  }

  /** @param name in any case, with or without the final dot. */
  find(name: string, type: RecordType | "ANY"): Found {
    const chain: DnsRecord[] = [];
    let authentic = true;
    let at = canonicalName(name);
    for (let link = 0; link <= longestChain; link++) {
      const zone = this.#zoneOf(at);
      authentic &&= zone.authentic;
      const here = this.#records.get(at);
      const wanted = type === "ANY" ? [...(here?.values() ?? [])].flat() : (here?.get(type) ?? []);
      if (wanted.length > 0) return { status: "found", records: [...chain, ...wanted], zone, authentic };
      const alias = here?.get("CNAME")?.[0];
      if (alias === undefined || typeof alias.value !== "string")
        return { status: this.#names.has(at) ? "no-data" : "no-such-name", records: chain, zone, authentic };
      chain.push(alias);
      at = canonicalName(alias.value);
    }
    return { status: "loop", records: [], zone: this.#zoneOf(at), authentic: false };
  }

  zones(): readonly ZoneFacts[] {
    return this.#zones;
  }

  *records(): Generator<DnsRecord> {
    for (const types of this.#records.values()) for (const records of types.values()) yield* records;
  }

  #add(list: readonly DnsRecord[]): void {
    const fresh = new Set<DnsRecord[]>();
    for (const record of list) {
      let types = this.#records.get(record.name);
      if (types === undefined) this.#records.set(record.name, (types = new Map<RecordType, DnsRecord[]>()));
      if (record.type === "CNAME") types.clear();
      else types.delete("CNAME");
      let records = types.get(record.type);
      if (records === undefined || !fresh.has(records)) {
        types.set(record.type, (records = []));
        fresh.add(records);
      }
      records.push(record);
    }
  }

  #exists(name: string): void {
    for (let at = name; at !== "" && !this.#names.has(at); at = parentOf(at)) this.#names.add(at);
    this.#names.add("");
  }

  #zoneOf(name: string): ZoneFacts {
    for (let at = name; ; at = parentOf(at)) {
      const zone = this.#zones.find((one) => one.name === at);
      if (zone !== undefined) return zone;
    }
  }
}

function parentOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}
