import { SecretUnreadable, type SecretReader } from "../../src/lib/secret-reader.ts";

/** A secret that a test can change. */
export function changeable(
  value: string | null,
  label = "variable SECRET",
  expires?: string,
): SecretReader & { set(value: string | null): void } {
  let present = value;
  return {
    label,
    ...(expires === undefined ? {} : { expires }),
    read() {
      if (present === null) throw new SecretUnreadable(`the ${label} is not set`);
      return present;
    },
    set: (other) => (present = other),
    toJSON: () => ({ env: label }),
  };
}
