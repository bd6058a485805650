import { type Static, Type } from "typebox";
import { type Decoded, durationOption, optionsObject, secretOption } from "../lib/option-schema.ts";

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
        default: [],
        description:
          "Keys that sign. Of each algorithm the one that began last signs; `postern dns NAME` prints the records of all of them.",
      },
    ),
    bounces: Type.Optional(
      optionsObject(
        {
          domain: Type.String({
            pattern: "^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})+$",
            maxLength: 190,
            examples: ["bounce.contoso.com"],
            description:
              "Sub-domain of NAME, so that SPF counts for DMARC, that nothing else uses. Its MX leads to the bounce listener; `postern dns NAME` prints the records.",
          }),
          validFor: durationOption({
            default: "14d",
            description: "How long after its sending a message can be returned. Later its address is refused.",
          }),
        },
        "Mail leaves with a reverse-path of its own for each message (VERP), so that what other servers return later comes to the listener of kind bounce and is passed on to the sender.",
      ),
    ),
  },
  "A domain in whose name mail leaves directly.",
);

export type DomainOptions = Decoded<Static<typeof domainSchema>>;
