import type { JWTPayload } from "jose";
import type { Claims } from "./examination.ts";

/** What an access token says; null when it is not readable (a service may issue tokens for its own eyes only). Never throws. */
export async function readClaims(token: string): Promise<Claims | null> {
  const { decodeJwt } = await import("jose");
  let payload: JWTPayload;
  try {
    payload = decodeJwt(token);
  } catch {
    return null;
  }
  const { aud, exp, scp } = payload;
  return {
    audience: typeof aud === "string" ? aud : (aud?.join(" ") ?? ""),
    tenant: textOf(payload["tid"]),
    clientId: textOf(payload["appid"]) ?? textOf(payload["azp"]),
    objectId: textOf(payload["oid"]),
    roles: Array.isArray(payload["roles"]) ? payload["roles"].filter((role) => typeof role === "string") : [],
    scopes: typeof scp === "string" ? scp.split(" ").filter((scope) => scope !== "") : [],
    user: textOf(payload["upn"]) ?? textOf(payload["preferred_username"]),
    expiresAt: typeof exp === "number" ? exp * 1000 : null,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
