import type { House } from "../house.ts";
import type { SandboxMessage } from "../messages/message.ts";
import { summarise } from "../messages/summary.ts";
import type { ArrivedMessage } from "./room.ts";

/** Keeps what a receiving room (an MX) took, as it came. @throws what the disk throws. */
export function keepMessage(
  { messages, clock }: House,
  service: string,
  { envelope, content, client }: ArrivedMessage,
  extra: Partial<Pick<SandboxMessage, "account" | "authentication" | "attribution">> = {},
): Promise<SandboxMessage> {
  return messages.keep(content, {
    service,
    mailFrom: envelope.reversePath ?? "",
    rcptTo: envelope.recipients.map(({ address }) => address),
    ...summarise(content.head()),
    receivedAt: new Date(clock.now()).toISOString(),
    verdict: "accepted",
    client,
    ...extra,
  });
}
