import { Type, type Static } from "typebox";

/** The record types that the sandbox's world knows. */
export const recordTypes = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT"] as const;
export type RecordType = (typeof recordTypes)[number];

/** One record, its value in presentation form: `10 mx.fabrikam.example`, `3 1 1 8a9b…`, a text as it is. */
export interface DnsRecord {
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: RecordType;
  readonly ttl: number;
  /** A function where the value is costly and seldom asked for (a key that is made then). */
  readonly value: string | (() => Promise<string>);
}

export interface ZoneFacts {
  /** Lower case, without the final dot; empty for the root. */
  readonly name: string;
  /** Answers get the AD bit, as if this zone were signed and a resolver had checked it. */
  readonly authentic: boolean;
}

const labels = "([A-Za-z0-9_-]{1,63}\\.)*[A-Za-z0-9_-]{1,63}\\.?";
const uint16 = "\\d{1,5}";

/** How the value of each type is written. RFC 7505: the null MX is `0 .`. */
const valuePatterns = {
  A: "(\\d{1,3}\\.){3}\\d{1,3}",
  AAAA: "[0-9A-Fa-f:.]{2,45}",
  CNAME: labels,
  MX: `${uint16} +(\\.|${labels})`,
  NS: labels,
  PTR: labels,
  SRV: `${uint16} +${uint16} +${uint16} +(\\.|${labels})`,
  TLSA: "\\d{1,3} +\\d{1,3} +\\d{1,3} +([0-9A-Fa-f]{2})+",
  TXT: "[\\x20-\\x7e]*",
} as const;

const nameSchema = Type.String({ pattern: `^${labels}$`, maxLength: 253, description: "Full name; a final dot may be left out." });
const ttlSchema = Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, default: 300, description: "Seconds." }));

function recordOf<T extends keyof typeof valuePatterns>(type: T, description: string) {
  return Type.Object(
    {
      name: nameSchema,
      type: Type.Literal(type),
      value: Type.String({ pattern: `^${valuePatterns[type]}$`, maxLength: 4096, description }),
      ttl: ttlSchema,
    },
    { additionalProperties: false },
  );
}

export const DnsRecordSchema = Type.Union(
  [
    recordOf("A", "IPv4 address."),
    recordOf("AAAA", "IPv6 address."),
    recordOf("CNAME", "The canonical name."),
    recordOf("MX", "Preference and host: `10 mx.fabrikam.example`; `0 .` says that the domain takes no mail."),
    recordOf("NS", "Name server."),
    recordOf("PTR", "The name of an address; `name` is in in-addr.arpa or ip6.arpa."),
    recordOf("SRV", "Priority, weight, port, host."),
    recordOf("TLSA", "Usage, selector, matching type and data in hexadecimal: `3 1 1 8a9b…`."),
    recordOf("TXT", "The text, of any length: it is cut into strings as needed."),
  ],
  { description: "One record. It takes the place of the sandbox's own records of this name and type." },
);
export type DnsRecordFile = Static<typeof DnsRecordSchema>;

export const DnsZoneSchema = Type.Object(
  {
    name: Type.String({ pattern: `^(\\.|${labels})$`, maxLength: 253 }),
    authentic: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Answers from this zone get the AD bit, as if it were signed and checked. Nothing is signed: it is a sandbox.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type DnsZoneFile = Static<typeof DnsZoneSchema>;

export const maxRecords = 10_000;
export const maxZones = 1000;

/** Two strings of one text: RFC 1035 §3.3.14 has at most 255 octets in each. */
export function textStrings(text: string): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const strings: Buffer[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += 255) strings.push(bytes.subarray(at, at + 255));
  return strings;
}

/** Lower case, without the final dot. RFC 4343: names are compared without regard to case. */
export function canonicalName(name: string): string {
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

export function readRecord(file: DnsRecordFile): DnsRecord {
  return { name: canonicalName(file.name), type: file.type, ttl: file.ttl ?? 300, value: file.value };
}
