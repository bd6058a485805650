import type { Failure } from "../mail/failure.ts";
import type { DsnKind, DsnRecipient } from "./dsn-composer.ts";

/** Something that the sender may want to be told about one recipient. Whether it is, the DSN composer's `wants` decides. */
export interface Notice {
  readonly kind: DsnKind;
  readonly recipient: DsnRecipient;
  readonly failure?: Failure;
  readonly text?: string;
  readonly remote?: string;
  readonly late?: true;
}
