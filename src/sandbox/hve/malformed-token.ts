import type { UnverifiedReply } from "../texts/unverified-replies.ts";

/**
 * What is wrong with an XOAUTH2 response that cannot be read. MS "Troubleshoot HVE": 501 5.5.121 to 5.5.126, one code a defect; which is
 * which was not published.
 */
export function malformedToken(response: Buffer | null): UnverifiedReply {
  if (response === null) return "hve-token-not-base64";
  const fields = response.toString("utf8").split("\u0001");
  const user = fields.find((field) => field.startsWith("user="));
  const auth = fields.find((field) => field.startsWith("auth="));
  if (user === undefined || user === "user=") return "hve-token-no-user";
  if (auth === undefined) return "hve-token-no-auth";
  if (!/^auth=bearer\b/i.test(auth)) return "hve-token-no-bearer";
  if (/^auth=bearer *$/i.test(auth)) return "hve-token-no-token";
  return "hve-token-malformed";
}
