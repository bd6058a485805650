import { domainOf } from "../../mail/address.ts";
import { CommandError } from "../exit-codes.ts";

/** Recipients of a list, as the operator API takes them. */
export interface ListedRecipients {
  /** Addresses that stand in it often, and domains with what else is there. */
  readonly to: readonly { readonly to: string; readonly count: number }[];
  readonly count: number;
  /** Lines that are no address. */
  readonly skipped: number;
}

/** An address that gets so many may reach a limit of its own; the others need no name. */
const oftenFrom = 100;
/** Domains that are told by name; all others count as outside. */
const maxDomains = 9000;
const elsewhere = "@elsewhere.invalid";
/** RFC 5321 §4.5.3.1.3: a path has 256 octets with its brackets. */
const addressPattern = /^[^\s,;<>"@]{1,64}@[^\s,;<>"@]{1,255}$/;

/** One address a line, or a CSV in which the first cell with an address counts. */
export function readList(text: string): ListedRecipients {
  const addresses = new Map<string, number>();
  let [count, skipped] = [0, 0];
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const address = addressOf(line);
    if (address === null) {
      skipped++;
      continue;
    }
    count++;
    addresses.set(address, (addresses.get(address) ?? 0) + 1);
  }
  if (count === 0) throw new CommandError("data", "there is no address in the list: one a line, or a CSV with one in each row");
  const named: { to: string; count: number }[] = [];
  const domains = new Map<string, number>();
  for (const [address, times] of addresses) {
    if (times >= oftenFrom && named.length < maxDomains / 10) named.push({ to: address, count: times });
    else domains.set(domainOf(address), (domains.get(domainOf(address)) ?? 0) + times);
  }
  const sorted = [...domains].sort((a, b) => b[1] - a[1]);
  const others = sorted.splice(maxDomains).reduce((sum, [, times]) => sum + times, 0);
  const to = [...named, ...sorted.map(([domain, times]) => ({ to: `@${domain}`, count: times }))];
  return { to: others === 0 ? to : [...to, { to: elsewhere, count: others }], count, skipped };
}

function addressOf(line: string): string | null {
  for (const cell of line.split(/[,;\t]/)) {
    const bare = cell
      .trim()
      .replace(/^"(.*)"$/, "$1")
      .replace(/^.*<(.*)>$/, "$1")
      .trim();
    if (addressPattern.test(bare)) return bare.toLowerCase();
  }
  return null;
}
