import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";

/**
 * Who may use the console and the admin API over TCP: whoever knows the token, as `Authorization: Bearer` or, in a browser, as a cookie
 * that a login link sets. The cookie is derived from the token, so that there are no sessions to keep.
 * Host and Origin are checked before (lib/http/request-guard.ts).
 */
export interface Access {
  readonly token: string;
  /** Who asks; null when nobody known. */
  identify(request: IncomingMessage): "token" | "session" | null;
  checkToken(token: string): boolean;
  /** The Set-Cookie field that logs a browser in. */
  readonly sessionCookie: string;
}

export function openAccess(token: string): Access {
  const derive = (what: string) => createHmac("sha256", token).update(what).digest();
  const session = derive("console session").toString("base64url");
  // Cookies know no ports (RFC 6265 §8.5): with one name for all, a log-in at one gateway of this machine would end that at another.
  const cookieName = `postern_${derive("cookie name").toString("hex", 0, 4)}`;
  return {
    token,
    identify(request) {
      const authorization = request.headers.authorization;
      if (authorization !== undefined) {
        const match = /^Bearer +(\S+)$/i.exec(authorization);
        return match?.[1] !== undefined && equal(match[1], token) ? "token" : null;
      }
      const cookie = cookieOf(request.headers.cookie, cookieName);
      return cookie !== null && equal(cookie, session) ? "session" : null;
    },
    checkToken: (given) => equal(given, token),
    sessionCookie: `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`,
  };
}

/** Reads DIR/admin-token, or makes it, readable by the owner only. */
export function readOrMakeToken(dataDirectory: string): string {
  const path = join(dataDirectory, "admin-token");
  try {
    const token = readFileSync(path, "utf8").trim();
    if (token.length >= 32) return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const token = randomBytes(32).toString("base64url");
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return token;
}

/** In constant time, whatever the lengths. */
function equal(given: string, expected: string): boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac("sha256", key).update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function cookieOf(header: string | undefined, name: string): string | null {
  for (const part of header?.split(";") ?? []) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}
