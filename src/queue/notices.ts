import type { Failure } from "../mail/failure.ts";
import type { DsnKind } from "./dsn-composer.ts";
import type { StoredRecipient } from "./store.ts";

/** Something that the sender may want to be told about one recipient. Whether it is, the DSN composer's `wants` decides. */
export interface Notice {
  readonly kind: DsnKind;
  readonly recipient: StoredRecipient;
  readonly failure?: Failure;
  readonly text?: string;
  readonly remote?: string;
}
