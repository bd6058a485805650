import type { SecureContext } from "node:tls";
import type { SandboxClock } from "./clock/sandbox-clock.ts";
import type { Faults } from "./faults/faults.ts";
import type { MessageStore } from "./messages/message-store.ts";
import type { SandboxOptions } from "./options.ts";

/** What all rooms of the sandbox share. */
export interface House {
  readonly options: SandboxOptions;
  readonly clock: SandboxClock;
  readonly messages: MessageStore;
  readonly faults: Faults;
  readonly tls: SecureContext;
}
