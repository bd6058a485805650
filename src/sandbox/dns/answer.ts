import * as packet from "dns-packet";
import { recordTypes, textStrings, type DnsRecord, type RecordType, type ZoneFacts } from "./record.ts";
import type { WorldDns } from "./world-dns.ts";

/** Response codes (RFC 1035 §4.1.1, RFC 6891 §9). */
const rcodes = { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5, badvers: 16 } as const;
type Rcode = keyof typeof rcodes;

/** What we take by UDP, and the most we send by it: no fragments on any path (RFC 9715 §3.1). */
const udpPayload = 1232;
/** RFC 1035 §2.3.4: without EDNS. */
const plainUdp = 512;
/** How long a "no" is good for, seconds. */
const negativeTtl = 60;

type Query = packet.DecodedPacket & { readonly flag_ad?: boolean };

/**
 * One query in, one answer out; null: say nothing.
 *
 * Standards: RFC 1035, RFC 2308 (SOA with every "no"), RFC 6891 (EDNS), RFC 6840 (AD), RFC 7766 (TCP when truncated).
 */
export async function answerQuery(dns: WorldDns, bytes: Buffer, transport: "udp" | "tcp"): Promise<Buffer | null> {
  // Without an id there is nobody to answer.
  if (bytes.length < 12) return null;
  const id = bytes.readUInt16BE(0);
  // An answer is not a question: two servers must not talk to each other for ever.
  if ((bytes.readUInt16BE(2) & 0x8000) !== 0) return null;
  let query: Query;
  try {
    query = packet.decode(bytes);
  } catch {
    return encode({ id, rcode: "formerr" });
  }
  const opt = query.additionals?.find((record) => record.type === "OPT");
  const edns = opt?.type === "OPT" ? opt : undefined;
  const [question, second] = query.questions ?? [];
  const about = { id, edns: edns !== undefined, rd: query.flag_rd };
  // RFC 1035 §4.1.1: the kind of query is copied into the answer.
  const opcode = bytes.readUInt16BE(2) & 0x7800;
  if (opcode !== 0) return encode({ ...about, opcode, rcode: "notimp" });
  if (question === undefined || second !== undefined) return encode({ ...about, rcode: "formerr" });
  if (edns !== undefined && edns.ednsVersion !== 0) return encode({ ...about, question, rcode: "badvers" });
  if (question.class !== "IN") return encode({ ...about, question, rcode: "refused" });
  // RFC 6840 §5.7: whoever sets AD or DO wants to know.
  const wantsAd = (query.flag_ad ?? false) || (edns?.flag_do ?? false);
  const limit =
    transport === "tcp" ? 65_535 : edns === undefined ? plainUdp : Math.min(Math.max(edns.udpPayloadSize, plainUdp), udpPayload);
  const type = question.type as string;
  const fault = dns.faults.find(question.name, isKnown(type) ? type : "ANY");
  switch (fault) {
    case "timeout":
      return null;
    case "garbage":
      return Buffer.concat([bytes.subarray(0, 2), Buffer.from("this is no answer")]);
    case "servfail":
    case "refused":
      return encode({ ...about, question, rcode: fault });
    case "nxdomain":
      return encode({ ...about, question, rcode: "nxdomain", authorities: [soaOf({ name: "", authentic: false })] });
    case "truncated":
      if (transport === "udp") return encode({ ...about, question, rcode: "noerror", truncated: true });
      break;
    case null:
  }
  return await look(dns, question, { ...about, wantsAd, limit });
}

async function look(
  dns: WorldDns,
  question: packet.Question,
  about: { readonly id: number; readonly edns: boolean; readonly rd: boolean; readonly wantsAd: boolean; readonly limit: number },
): Promise<Buffer> {
  const zones = dns.zones();
  const type = question.type as string;
  const name = question.name.toLowerCase();
  if (type === "SOA" && zones.zones().some((zone) => zone.name === name))
    return encode({ ...about, question, rcode: "noerror", answers: [soaOf({ name, authentic: false })] });
  // A type we do not know has no records of it anywhere; the name may exist all the same.
  const found = zones.find(name, isKnown(type) || type === "ANY" ? type : "SRV");
  const ours =
    isKnown(type) || type === "ANY" ? found : { ...found, status: found.status === "found" ? "no-data" : found.status, records: [] };
  if (ours.status === "loop") return encode({ ...about, question, rcode: "servfail" });
  const rcode = ours.status === "no-such-name" ? "nxdomain" : "noerror";
  const answers = await Promise.all(ours.records.map(wireRecord));
  // RFC 2308 §3
  const authorities = ours.status === "found" ? [] : [soaOf(ours.zone)];
  const whole = encode({ ...about, question, rcode, answers, authorities, authentic: ours.authentic && about.wantsAd });
  // RFC 2181 §9: a truncated answer is thrown away by whoever gets it, so nothing is in it.
  return whole.length <= about.limit ? whole : encode({ ...about, question, rcode: "noerror", truncated: true });
}

interface AnswerParts {
  readonly id: number;
  readonly rcode: Rcode;
  readonly rd?: boolean;
  readonly opcode?: number;
  readonly edns?: boolean;
  readonly question?: packet.Question;
  readonly answers?: packet.Answer[];
  readonly authorities?: packet.Answer[];
  readonly truncated?: boolean;
  readonly authentic?: boolean;
}

function encode(parts: AnswerParts): Buffer {
  const rcode = rcodes[parts.rcode];
  const flags =
    packet.AUTHORITATIVE_ANSWER |
    // The world ends here, so there is nothing that recursion could add.
    packet.RECURSION_AVAILABLE |
    (parts.rd === true ? packet.RECURSION_DESIRED : 0) |
    (parts.truncated === true ? packet.TRUNCATED_RESPONSE : 0) |
    (parts.authentic === true ? packet.AUTHENTIC_DATA : 0) |
    (parts.opcode ?? 0) |
    (rcode & 15);
  return packet.encode({
    id: parts.id,
    type: "response",
    flags,
    questions: parts.question === undefined ? [] : [parts.question],
    answers: parts.answers ?? [],
    authorities: parts.authorities ?? [],
    additionals:
      parts.edns === true
        ? [
            {
              type: "OPT",
              name: ".",
              udpPayloadSize: udpPayload,
              extendedRcode: rcode >> 4,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ]
        : [],
  });
}

function isKnown(type: string): type is RecordType {
  return (recordTypes as readonly string[]).includes(type);
}

function soaOf(zone: ZoneFacts): packet.Answer {
  return {
    name: zone.name === "" ? "." : zone.name,
    type: "SOA",
    ttl: negativeTtl,
    data: {
      mname: "ns.sandbox.example",
      rname: "postmaster.sandbox.example",
      serial: 1,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: negativeTtl,
    },
  };
}

async function wireRecord({ name, type, ttl, value }: DnsRecord): Promise<packet.Answer> {
  const text = typeof value === "string" ? value : await value();
  const fields = text.split(/ +/);
  const number = (at: number): number => Number(fields[at]);
  const host = (at: number): string => fields[at]?.replace(/\.$/, "") || ".";
  switch (type) {
    case "MX":
      return { name, ttl, type, data: { preference: number(0), exchange: host(1) } };
    case "SRV":
      return { name, ttl, type, data: { priority: number(0), weight: number(1), port: number(2), target: host(3) } };
    case "TLSA":
      return {
        name,
        ttl,
        type,
        data: { usage: number(0), selector: number(1), matchingType: number(2), certificate: Buffer.from(fields[3] ?? "", "hex") },
      };
    case "TXT":
      return { name, ttl, type, data: textStrings(text) };
    case "SOA":
      return soaOf({ name, authentic: false });
    case "A":
    case "AAAA":
    case "CNAME":
    case "NS":
    case "PTR":
      return { name, ttl, type, data: text };
  }
}
