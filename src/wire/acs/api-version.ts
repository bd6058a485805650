import { AcsError } from "./acs-error.ts";

/** The stable versions; the second knows `contentId`. */
export const acsApiVersions = ["2023-03-31", "2025-09-01"] as const;

export type AcsApiVersion = (typeof acsApiVersions)[number];

/** From the query as it was sent. @throws AcsError */
export function parseApiVersion(query: string): AcsApiVersion {
  const given = new URLSearchParams(query).getAll("api-version");
  // UNVERIFIED for ACS: codes of the guidelines for all Azure services, for a version that is missing or not known.
  if (given.length === 0)
    throw new AcsError(
      400,
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
      "api-version",
    );
  const version = acsApiVersions.find((each) => given.length === 1 && each === given[0]);
  if (version === undefined)
    throw new AcsError(
      400,
      "UnsupportedApiVersionValue",
      `Unsupported api-version '${given.join(",").slice(0, 64)}'. The supported api-versions are '${acsApiVersions.join(", ")}'.`,
      "api-version",
    );
  return version;
}
