import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { SecretUnreadable, type SecretReader } from "../lib/secret-reader.ts";

export type ReferencePlace = { readonly env: string } | { readonly file: string };

const maxBytes = 1024 ** 2;

/**
 * A reference to a secret, kept as a reference. Reading is synchronous: it happens once an hour, of a small regular file.
 *
 * @param env looks a variable up
 */
export function secretReference(
  place: ReferencePlace,
  expires: string | undefined,
  env: (name: string) => string | undefined,
): SecretReader {
  const label = "env" in place ? `variable ${place.env}` : `file ${place.file}`;
  const shown = { ...place, ...(expires === undefined ? {} : { expires }) };
  return {
    label,
    ...(expires === undefined ? {} : { expires }),
    read() {
      const text = ("env" in place ? env(place.env) : readSmallFile(place.file))?.replace(/\r?\n$/, "");
      if (text === undefined || text === "") throw new SecretUnreadable(`the ${label} is ${text === undefined ? "not set" : "empty"}`);
      return text;
    },
    toJSON: () => shown,
    // @ts-expect-error: for whoever prints a configuration
    [inspect.custom]: () => shown,
  };
}

function readSmallFile(path: string): string {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, "r");
    const status = fstatSync(descriptor);
    if (status.size > maxBytes) throw new SecretUnreadable(`the file ${path} is too large for a secret`);
    return readFileSync(descriptor, "utf8");
  } catch (error) {
    if (error instanceof SecretUnreadable) throw error;
    throw new SecretUnreadable(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`, { cause: error });
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}
