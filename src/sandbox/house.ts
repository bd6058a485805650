import type { SecureContext } from "node:tls";
import type { SandboxClock } from "./clock/sandbox-clock.ts";
import type { Faults } from "./faults/faults.ts";
import type { MessageStore } from "./messages/message-store.ts";
import type { SandboxOptions } from "./options.ts";
import type { Post } from "./post/post.ts";

/** What all rooms of the sandbox share. */
export interface House {
  readonly options: SandboxOptions;
  readonly clock: SandboxClock;
  readonly messages: MessageStore;
  readonly faults: Faults;
  readonly post: Post;
  readonly tls: SecureContext;
}
