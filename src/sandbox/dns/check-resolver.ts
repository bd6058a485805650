import type { DNSResolver } from "mailauth";
import { recordTypes, type RecordType } from "./record.ts";
import type { WorldDns } from "./world-dns.ts";

/** Answers mailauth's questions from the sandbox's own world, in the form of node:dns, without a socket. */
export function checkResolver(dns: WorldDns): DNSResolver {
  return async (name, type) => {
    const known = recordTypes.find((one) => one === type);
    if (known === undefined) throw failure("ENODATA", name);
    const fault = dns.faults.find(name, known);
    // A name server that is silent or talks nonsense is one that cannot be asked.
    if (fault === "nxdomain") throw failure("ENOTFOUND", name);
    if (fault !== null && fault !== "truncated") throw failure(fault === "timeout" ? "ETIMEOUT" : "ESERVFAIL", name);
    const found = dns.zones().find(name, known);
    switch (found.status) {
      case "no-such-name":
        throw failure("ENOTFOUND", name);
      case "loop":
        throw failure("ESERVFAIL", name);
      case "no-data":
        throw failure("ENODATA", name);
      case "found":
        return (await Promise.all(
          found.records
            .filter((record) => record.type === known)
            .map(async ({ value }) => nodeForm(known, typeof value === "string" ? value : await value())),
        )) as string[];
    }
  };
}

function nodeForm(type: RecordType, value: string): unknown {
  if (type === "TXT") return [value];
  if (type !== "MX") return value;
  const [priority, exchange = ""] = value.split(/ +/);
  return { priority: Number(priority), exchange: exchange.replace(/\.$/, "") };
}

function failure(code: string, name: string): Error {
  return Object.assign(new Error(`${code} ${name}`), { code });
}
