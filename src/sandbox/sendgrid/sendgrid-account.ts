import type { SendgridAccount } from "../tenant/tenant.ts";

/** Which account it is, without saying its key: `SG.` and the key's public part. */
export function accountName({ apiKeys }: SendgridAccount): string {
  return (apiKeys[0] ?? "").split(".", 2).join(".");
}

export const dayMs = 86_400_000;

/** SG support 35270136965403, since 2025-03-25: 100 mails a day for 60 days, then none. Whether its day slides is not published. */
export function trialLimit(account: SendgridAccount | undefined, now: number): number | null {
  const { trialSince = null } = account ?? {};
  if (trialSince === null) return null;
  return now < Date.parse(trialSince) + 60 * dayMs ? 100 : 0;
}
