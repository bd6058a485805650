import type { OutgoingBytes } from "./outgoing-bytes.ts";

/**
 * Puts DKIM signatures on what leaves: the port between routes and `domains`. Which domains and selectors sign is the signer's own
 * business (its options); a route only hands over the message and puts the answer on top of it.
 *
 * Duties of the signer: the body is hashed off the main thread; the answer is whole header fields with CRLF, empty when no key signs for this
 * author; a message of any size costs bounded memory.
 */
export interface Signer {
  /** @param domain lower case, of the From field's address. @throws SigningFailed; or the signal's reason. */
  sign(domain: string, content: OutgoingBytes, signal: AbortSignal): Promise<Uint8Array>;
}
