import type { Lane } from "../queue/lanes.ts";
import type { StoredMessage } from "../queue/store.ts";

/** Transactions alike: what the limits and the lanes see of them is the same. */
export interface MailBatch {
  /** It may not go before; policy-clock ms. */
  readonly at: number;
  /** Part of what is asked about; false: it waits already. */
  readonly isOwn: boolean;
  readonly lane: Lane;
  readonly message: Pick<StoredMessage, "author" | "reversePath" | "principal" | "dsnFor">;
  /** Bytes of each message. */
  readonly size: number;
  /** An address, lower case; or `@domain`: somebody there, each another. */
  readonly to: string;
  readonly isExternal: boolean;
  /** Recipients of each transaction. */
  readonly recipients: number;
  /** A limit told it this time. Absent: none did. */
  readonly again?: boolean;
  /** Those that are left. */
  transactions: number;
}
