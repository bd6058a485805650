import type { SandboxMessage } from "../messages/message.ts";
import type { MessageStore } from "../messages/message-store.ts";
import { summaryBytes } from "../messages/summary.ts";

/** The beginning of a kept message, where its header section is; null when the message has gone. */
export async function readHead(messages: MessageStore, message: SandboxMessage): Promise<Buffer | null> {
  const content = await messages.content(message, summaryBytes);
  return content === null ? null : Buffer.concat(await content.toArray());
}
