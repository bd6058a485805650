import type { Reply } from "../../mail/reply.ts";
import type { House } from "../house.ts";
import { unverifiedText, type UnverifiedReply } from "./unverified-replies.ts";

/** How one room says its replies: written as `550 5.7.60 text`, with what stands in brackets filled in. */
export class RoomTexts {
  readonly #house: House;
  readonly #hostname: string;

  constructor(house: House, hostname: string) {
    this.#house = house;
    this.#hostname = hostname;
  }

  /** A text as it is published. */
  say(text: string, values: Values = {}): Reply {
    return replyOf(text, { host: this.#hostname, date: new Date(this.#house.clock.now()).toISOString(), ...values });
  }

  /** A text that is not published: as sandbox.yaml has it, else ours. */
  unverified(name: UnverifiedReply, values: Values = {}): Reply {
    return this.say(unverifiedText(this.#house.options.rooms.replies, name), values);
  }
}

type Values = Readonly<Record<string, string>>;

function replyOf(text: string, values: Values): Reply {
  const filled = text
    .slice(4)
    .replace(/\[(host|date|account|address|status)\]/g, (whole, name: string) => printable(values[name] ?? whole));
  return { code: Number(text.slice(0, 3)), lines: [filled] };
}

/** What comes from the client must not end the line or fill the screen. */
function printable(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, "?").slice(0, 320);
}
