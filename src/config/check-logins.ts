import { digestOf, loginKey, type Password } from "../identity/login-book.ts";
import { isPasswordHash } from "../identity/password-hash.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** Shorter keys could be guessed from their digest. */
const shortestKey = 20;

/** Every user name leads to one principal, whichever secret comes with it. */
export function checkLogins({ principals }: GatewayConfig, report: Report): void {
  const passwords = new Map<string, string>();
  const keys = new Map<string, string>();
  const password = (given: Password, user: string, owner: string, path: Path): void => {
    if (typeof given !== "string" && !isPasswordHash(given.hash))
      report("error", [...path, "hash"], "is not a password hash", "Paste what `postern hash-password` prints, in single quotes.");
    const other = passwords.get(loginKey(user));
    if (other !== undefined)
      report(
        "error",
        path,
        `the user name ${user} has a password already`,
        `Principal ${other} has it; give this one a key, or another user name.`,
      );
    else passwords.set(loginKey(user), owner);
  };
  principals.forEach((principal, index) => {
    const path: Path = ["principals", index];
    const { name, logins = [] } = principal;
    if (principal.password !== undefined) password(principal.password, name, name, [...path, "password"]);
    logins.forEach((login, n) => {
      const at: Path = [...path, "logins", n];
      const given = (["password", "key", "sha256"] as const).filter((kind) => login[kind] !== undefined);
      if (given.length !== 1) report("error", at, "needs one secret", "Give one of password, key and sha256.");
      if (login.password !== undefined) password(login.password, login.user, name, [...at, "password"]);
      if (login.key !== undefined && login.key.length < shortestKey)
        report(
          "error",
          [...at, "key"],
          `has fewer than ${shortestKey} characters`,
          "Use `password` for what people choose; keys are random and long.",
        );
      const digest = digestOf(login)?.toString("hex");
      if (digest === undefined) return;
      const key = `${loginKey(login.user)}\0${digest}`;
      const other = keys.get(key);
      if (other !== undefined)
        report("error", at, "the same user name and key are given twice", `Principal ${other} has them; each needs a key of its own.`);
      else keys.set(key, name);
    });
  });
}
