import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { User } from "./tokens.ts";
import { Aadsts } from "./aadsts.ts";

/**
 * Refresh tokens hold what they stand for, sealed: nothing to store, so they outlive a restart and strangers cannot fill memory with them. Each
 * use gives a new one. MS "Refresh tokens in the Microsoft identity platform": the old one is not revoked by that; a changed password revokes.
 */
export interface RefreshGrant {
  readonly clientId: string;
  readonly user: string;
}

// MS "Refresh tokens in the Microsoft identity platform": 90 days.
const lifeMs = 90 * 86_400_000;

export function sealRefreshToken(seal: Buffer, grant: RefreshGrant, user: User, now: number): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", seal, iv);
  const text = JSON.stringify({ ...grant, password: fingerprint(user), endsAt: now + lifeMs });
  return `1.${Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url")}`;
}

/** @param find the user as the directory has it now. @throws Aadsts */
export function openRefreshToken(seal: Buffer, token: string, clientId: string, find: (user: string) => User | null, now: number): User {
  const { grant, password, endsAt } = unseal(seal, token);
  if (grant.clientId !== clientId) throw malformed();
  if (endsAt <= now)
    throw new Aadsts(
      700082,
      `The refresh token has expired due to inactivity. The token was issued on ${new Date(endsAt - lifeMs).toISOString()} and was inactive for 90.00:00:00.`,
    );
  const user = find(grant.user);
  if (user === null || fingerprint(user) !== password)
    throw new Aadsts(
      50173,
      "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    );
  return user;
}

function unseal(seal: Buffer, token: string): { readonly grant: RefreshGrant; readonly password: string; readonly endsAt: number } {
  const bytes = Buffer.from(token.startsWith("1.") ? token.slice(2) : "", "base64url");
  if (bytes.length < 28 || bytes.length > 4096) throw malformed();
  try {
    const decipher = createDecipheriv("aes-256-gcm", seal, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("utf8");
    const { clientId, user, password, endsAt } = JSON.parse(text) as RefreshGrant & { readonly password: string; readonly endsAt: number };
    return { grant: { clientId, user }, password, endsAt };
  } catch {
    throw malformed();
  }
}

function malformed(): Aadsts {
  return new Aadsts(9002313, "Invalid request. Request is malformed or invalid.");
}

function fingerprint({ password }: User): string {
  return createHash("sha256")
    .update(`refresh ${password ?? ""}`)
    .digest("base64url")
    .slice(0, 16);
}
