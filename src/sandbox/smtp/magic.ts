import { localPartOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Behaviour } from "./behaviour.ts";

/**
 * Magic addresses: local parts that make a receiver of the sandbox misbehave, so that a sender can be tested without any set-up.
 *
 * A suffix is allowed (`full+invoice-7@contoso.example`), case does not matter, the domain is any the receiver takes mail for. In a recipient
 * the behaviour shows at RCPT, in a reverse-path at MAIL, with `data-` in front at the end of the data in both. docs/reference/sandbox.md
 * lists them; magic.test.ts holds the list and the code together.
 */
export interface Magic {
  readonly when: "command" | "data";
  readonly behaviour: Behaviour;
}

/** How long `slow` takes to answer. Longer than any healthy peer, shorter than every client's patience (RFC 5321 §4.5.3.2). */
export const slowMs = 5000;

/** The magic words that are not reply codes. */
export const magicWords = ["temperror", "permerror", "timeout", "full", "slow", "drop", "drop-lost"] as const;
type MagicWord = (typeof magicWords)[number];

/** null for an ordinary address. */
export function readMagic(address: string): Magic | null {
  const local = localPartOf(address);
  const plus = local.indexOf("+");
  const word = (plus < 0 ? local : local.slice(0, plus)).toLowerCase();
  const when = word.startsWith("data-") ? "data" : "command";
  const behaviour = readWord(when === "data" ? word.slice("data-".length) : word, when);
  return behaviour === null ? null : { when, behaviour };
}

function readWord(word: string, when: Magic["when"]): Behaviour | null {
  if (/^[45]\d\d$/.test(word)) return reply(Number(word), detailOf(Number(word), when), `The sandbox was asked to answer ${word}`);
  if (!isMagicWord(word)) return null;
  switch (word) {
    case "temperror":
      return reply(451, "4.3.0", "Temporary server error. Please try again later");
    case "permerror":
      return reply(550, "5.3.0", "Permanent server error");
    case "full":
      return reply(452, "4.2.2", "Mailbox full");
    case "timeout":
      return { kind: "hang" };
    case "slow":
      return { kind: "delay", delayMs: slowMs };
    case "drop":
      return { kind: "drop", keep: true };
    case "drop-lost":
      return { kind: "drop", keep: false };
  }
}

function isMagicWord(word: string): word is MagicWord {
  return (magicWords as readonly string[]).includes(word);
}

function reply(code: number, status: string, text: string): Behaviour {
  return { kind: "reply", reply: { code, lines: [`${status} ${text}`] } satisfies Reply };
}

/** RFC 5248: the enhanced status that goes with a bare code; codes it does not name get `x.0.0`. */
function detailOf(code: number, when: Magic["when"]): string {
  const hard = code >= 500;
  const known = (when === "data" ? dataStatus[code] : undefined) ?? commandStatus[code];
  return known ?? (hard ? "5.0.0" : "4.0.0");
}

const commandStatus: Readonly<Record<number, string>> = {
  421: "4.3.2",
  432: "4.3.2",
  450: "4.2.0",
  451: "4.3.0",
  452: "4.3.1",
  454: "4.7.0",
  500: "5.5.2",
  501: "5.1.3",
  502: "5.5.1",
  503: "5.5.1",
  504: "5.5.4",
  521: "5.3.2",
  530: "5.7.0",
  535: "5.7.8",
  550: "5.1.1",
  551: "5.1.6",
  552: "5.2.2",
  553: "5.1.3",
  554: "5.7.1",
  555: "5.5.4",
  556: "5.1.10",
};

/** Where the end of the data means something else than an address. */
const dataStatus: Readonly<Record<number, string>> = { 501: "5.6.0", 550: "5.7.1", 552: "5.3.4", 553: "5.7.1", 554: "5.6.0" };
