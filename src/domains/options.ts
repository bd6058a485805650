import { type Static, Type } from "typebox";
import { type Decoded, optionsObject, secretOption } from "../lib/option-schema.ts";

/** One of `domains`: what the gateway does in a domain's name when it sends directly (kind mx). */
export const domainSchema = optionsObject(
  {
    name: Type.String({
      pattern: "^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})+$",
      examples: ["contoso.com"],
      description: "The domain, lower case; of the From field. Its sub-domains are signed by it unless they have an entry of their own.",
    }),
    dkim: Type.Array(
      optionsObject({
        selector: Type.String({
          pattern: "^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})*$",
          description: "Its TXT record is at `SELECTOR._domainkey.NAME`.",
        }),
        key: secretOption({
          description: "PEM of the private key: RSA of 2048 bits or more, or Ed25519. `postern dns NAME --new-key FILE` makes one.",
        }),
        from: Type.Optional(
          Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "Signs from this day on (UTC), in the place of the one before." }),
        ),
        until: Type.Optional(
          Type.String({
            pattern: "^\\d{4}-\\d{2}-\\d{2}$",
            description: "Signs until before this day (UTC). Leave its record published for another week.",
          }),
        ),
      }),
      {
        maxItems: 16,
        description:
          "Keys that sign. Of each algorithm the one that began last signs; `postern dns NAME` prints the records of all of them.",
      },
    ),
  },
  "A domain in whose name mail leaves directly.",
);

export type DomainOptions = Decoded<Static<typeof domainSchema>>;
