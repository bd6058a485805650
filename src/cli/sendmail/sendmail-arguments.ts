import { CommandError } from "../exit-codes.ts";
import type { Notify } from "../../mail/envelope.ts";

/** What a call of `sendmail` asks for. */
export interface SendmailCall {
  readonly mode: "deliver" | "smtp" | "list-queue" | "nothing";
  /** -t: recipients are in the header too. */
  readonly readRecipients: boolean;
  /** -i: a lone dot is content. */
  readonly dotsAreContent: boolean;
  /** -f; absent: who runs it. */
  readonly sender?: string;
  readonly fullName?: string;
  readonly notify?: Notify;
  readonly ret?: "FULL" | "HDRS";
  readonly envid?: string;
  readonly socket?: string;
  readonly data?: string;
  /** As they stand on the command line: each may be a list. */
  readonly recipients: readonly string[];
}

/**
 * Reads the arguments as /usr/sbin/sendmail does: letters in one word (`-ti`), a value behind its letter or as the next word, recipients from the
 * first word that is no option. What steers a queue or a daemon of its own is understood and does nothing.
 *
 * @throws CommandError (usage)
 */
export function readSendmailArguments(words: readonly string[]): SendmailCall {
  const call: Writable<SendmailCall> = { mode: "deliver", readRecipients: false, dotsAreContent: false, recipients: [] };
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      at++;
      break;
    }
    const long = /^--(socket|data)(?:=(.*))?$/.exec(word);
    if (long !== null) {
      const value = long[2] ?? words[++at];
      if (value === undefined || value === "") throw usage(`${word} needs a path`);
      call[long[1] as "socket" | "data"] = value;
      continue;
    }
    if (!word.startsWith("-") || word === "-") break;
    if (word.startsWith("--")) throw usage(`unknown option ${word}`);
    for (let n = 1; n < word.length; n++) {
      const letter = word.charAt(n);
      const rest = word.slice(n + 1);
      if (withValue.has(letter)) {
        const value = rest === "" ? words[++at] : rest;
        if (value === undefined) throw usage(`-${letter} needs a value`);
        setValue(call, letter, value);
        break;
      }
      // The interval is part of the word: `-q30m`.
      if (letter === "q") {
        call.mode = "nothing";
        break;
      }
      setFlag(call, letter);
    }
  }
  return { ...call, recipients: words.slice(at) };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const withValue: ReadonlySet<string> = new Set("ABCDFLNORVXbdefhopr");

function setFlag(call: Writable<SendmailCall>, letter: string): void {
  if (letter === "t") call.readRecipients = true;
  else if (letter === "i") call.dotsAreContent = true;
  else if (letter === "I") call.mode = "nothing";
  // Group, submission, me too, no alias, verbose, slow: about how a sendmail of its own would work.
  else if (!"GUcmnsv".includes(letter)) throw usage(`unknown option -${letter}`);
}

function setValue(call: Writable<SendmailCall>, letter: string, value: string): void {
  switch (letter) {
    case "f":
    case "r":
      call.sender = value;
      return;
    case "F":
      call.fullName = value;
      return;
    case "N":
      call.notify = notifyOf(value);
      return;
    case "R":
      call.ret = returnOf(value);
      return;
    case "V":
      if (!/^[ -~]{1,100}$/.test(value)) throw usage("-V needs an envelope id of at most 100 printable characters");
      call.envid = value;
      return;
    case "o":
      if (value === "i") call.dotsAreContent = true;
      return;
    case "b":
      call.mode = modeOf(value);
  }
  // The others (-A -B -C -D -L -O -X -d -e -h -p) tell a sendmail of its own what it shall do; ours has no such things.
}

function modeOf(value: string): SendmailCall["mode"] {
  switch (value) {
    case "m":
      return "deliver";
    case "s":
      return "smtp";
    case "p":
      return "list-queue";
    case "i":
      return "nothing";
    default:
      throw usage(`-b${value} is not done here: the gateway runs as a service of its own (postern serve)`);
  }
}

/** RFC 3461 §4.1. */
function notifyOf(value: string): Notify {
  const wishes = value.toLowerCase().split(",");
  const unknown = wishes.find((wish) => !["never", "success", "failure", "delay"].includes(wish));
  if (unknown !== undefined || (wishes.includes("never") && wishes.length > 1))
    throw usage("-N takes never, or success, failure and delay");
  const [never, success, failure, delay] = ["never", "success", "failure", "delay"].map((wish) => wishes.includes(wish));
  return { never: never === true, success: success === true, failure: failure === true, delay: delay === true };
}

function returnOf(value: string): "FULL" | "HDRS" {
  if (/^full$/i.test(value)) return "FULL";
  if (/^hdrs$/i.test(value)) return "HDRS";
  throw usage("-R takes full or hdrs");
}

function usage(text: string): CommandError {
  return new CommandError("usage", `sendmail: ${text}`);
}
