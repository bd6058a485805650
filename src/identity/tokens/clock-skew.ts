import type { HttpClient } from "../../lib/http/http-client.ts";
import { entraEndpoints } from "./entra-client.ts";

/** An authority's clock minus ours, ms, by the Date of an answer (a second exact); null: it cannot be told. */
export async function authorityClockSkew(
  place: { readonly authority: string; readonly tenant: string },
  http: HttpClient,
  now: () => number,
  signal: AbortSignal,
): Promise<number | null> {
  const before = now();
  try {
    const { headers } = await http.request(
      { url: `${entraEndpoints(place).base}/v2.0/.well-known/openid-configuration`, timeoutMs, maxBytes: 256 * 1024 },
      signal,
    );
    const at = Date.parse(headers["date"] ?? "");
    if (!Number.isFinite(at)) return null;
    // The header has no fractions, and the answer took its time.
    const skew = at + 500 - (before + now()) / 2;
    return Math.abs(skew) < 1500 ? 0 : skew;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

const timeoutMs = 10_000;
