import type { Failure } from "./failure.ts";

/** What became of one recipient in one attempt. *Relayed*: a next hop took it over; nobody here knows of delivery. */
export type Outcome =
  /** `remoteId`: the next hop's own id for the message, if its reply told one; `text`: its last reply. */
  | { readonly action: "relayed"; readonly text?: string; readonly remoteId?: string }
  /** `notBefore`: the earliest time that makes sense, in policy-clock ms, when the next hop told one; `inDoubt`: it may have been taken. */
  | { readonly action: "delayed"; readonly failure: Failure; readonly notBefore?: number; readonly inDoubt?: true }
  | { readonly action: "failed"; readonly failure: Failure };
