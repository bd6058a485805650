import { createHash, timingSafeEqual } from "node:crypto";
import { isPasswordHash } from "./password-hash.ts";
import type { UserOptions } from "./options.ts";

/**
 * Which user names and secrets belong to which principal.
 *
 * A principal has its own name and password, and may keep the log-ins it had elsewhere: `apikey` with a SendGrid key, an ACS or HVE user name. A
 * user name may belong to several principals when keys tell them apart; of passwords, which take 35 ms to check, it has one at most, so that
 * a try costs the same whoever is meant. Keys are random and long: a digest is enough, and all of a name are compared in constant time.
 */
export class LoginBook {
  readonly #logins = new Map<string, Login>();

  /** @throws Error for what config/ should have refused: a hash that is none, a password or key that leaves two readings. */
  add(options: UserOptions, hashOf: (password: Password) => Promise<string>): void {
    const { name, password, logins = [] } = options;
    if (password !== undefined) this.#addPassword(name, name, password, hashOf);
    for (const login of logins) {
      if (login.password !== undefined) this.#addPassword(login.user, name, login.password, hashOf);
      const digest = digestOf(login);
      if (digest === null) continue;
      const { keys } = this.#login(login.user);
      if (keys.some((other) => other.principal !== name && other.digest.equals(digest)))
        throw new Error(`two principals have the same key for the user name ${login.user}`);
      keys.push({ principal: name, digest });
    }
  }

  find(user: string): Login | undefined {
    return this.#logins.get(loginKey(user));
  }

  #login(user: string): { password: PasswordLogin | null; readonly keys: KeyLogin[] } {
    const key = loginKey(user);
    let login = this.#logins.get(key);
    if (login === undefined) this.#logins.set(key, (login = { password: null, keys: [] }));
    return login;
  }

  #addPassword(user: string, principal: string, password: Password, hashOf: (password: Password) => Promise<string>): void {
    if (typeof password !== "string" && !isPasswordHash(password.hash)) throw new Error(`the password hash of ${principal} is not valid`);
    const login = this.#login(user);
    if (login.password !== null) throw new Error(`two passwords belong to the user name ${user}`);
    login.password = { principal, given: password, hash: hashOf(password) };
  }
}

export type Password = NonNullable<UserOptions["password"]>;

export interface Login {
  password: PasswordLogin | null;
  readonly keys: KeyLogin[];
}

export interface PasswordLogin {
  readonly principal: string;
  readonly given: Password;
  readonly hash: Promise<string>;
}

interface KeyLogin {
  readonly principal: string;
  /** SHA-256. */
  readonly digest: Buffer;
}

/** The principal whose key this is; every key of the name is looked at, whether or not one fits. */
export function principalByKey(login: Login | undefined, secret: string): string | null {
  const digest = createHash("sha256").update(secret).digest();
  let found: string | null = null;
  for (const key of login?.keys ?? []) if (timingSafeEqual(key.digest, digest)) found = key.principal;
  return found;
}

/** What `key` or `sha256` stands for; null: neither is given. */
export function digestOf({ key, sha256 }: { readonly key?: string; readonly sha256?: string }): Buffer | null {
  if (key !== undefined) return createHash("sha256").update(key).digest();
  return sha256 === undefined ? null : Buffer.from(sha256, "hex");
}

const guid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const acsUser = new RegExp(`^([^|]+)[.|](${guid})[.|](${guid})$`);

/** Names are compared without case, as people type them; the user name of ACS may be written with either separator. */
export function loginKey(user: string): string {
  // Nobody's name is longer; and what a stranger sends is not worth a search.
  if (user.length > 320) return "";
  // MS ACS SMTP: `resource.application.tenant`, or the same with `|`.
  return user.toLowerCase().replace(acsUser, "$1.$2.$3");
}
