/**
 * A secret that may change while the gateway runs: what configuration yields where it must be read again at each use. Serialised it is its
 * reference, so that comparing configurations or logging one never shows it.
 */
export interface SecretReader {
  /** `variable NAME`, `file PATH`: for messages. */
  readonly label: string;
  /** `2027-01-15`: when it ends, if the configuration says so. */
  readonly expires?: string;
  /** As it is now, trailing line end removed. @throws SecretUnreadable */
  read(): string;
  toJSON(): unknown;
}

export class SecretUnreadable extends Error {
  override readonly name = "SecretUnreadable";
}
