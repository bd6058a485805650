import { Type, type Static } from "typebox";
import { type Decoded, durationOption, fileOption, optionsObject } from "./option-schema.ts";

/** How the gateway reaches the outside: the section `network` of the configuration. */
export const networkSectionSchema = optionsObject(
  {
    dns: optionsObject(
      {
        servers: Type.Optional(
          Type.Array(Type.String({ minLength: 1, examples: ["127.0.0.1:53"] }), {
            minItems: 1,
            maxItems: 8,
            description:
              "Recursive name servers to ask instead of the machine's: `address` or `address:port`. Host names are then looked up there too, and not in /etc/hosts.",
          }),
        ),
        trusted: Type.Boolean({
          default: false,
          description:
            "The name servers validate DNSSEC and the way to them is safe (same machine, or a network that is yours alone): their AD bit is believed, and DANE can be used.",
        }),
        timeout: durationOption({ default: "3s", description: "For each question to each name server." }),
      },
      "Name servers.",
    ),
    hosts: Type.Record(Type.String(), Type.String(), {
      default: {},
      examples: ['{ "mx.fabrikam.example:25": "127.0.0.1:10027" }'],
      description:
        "Where a host really is: `host` or `host:port`, and the `host:port` to connect to instead. TLS keeps the real name, and the target may be a private address. For demos and tests, and for tunnels.",
    }),
    proxy: Type.Optional(
      Type.String({
        pattern: "^http://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?$",
        examples: ["http://proxy.contoso.example:3128"],
        description: "HTTP proxy (CONNECT) for everything that goes out by HTTPS: tokens, MTA-STS policies. Not for SMTP.",
      }),
    ),
    ca: Type.Optional(
      fileOption({ description: "PEM file of the authorities to trust, for HTTPS, instead of the well-known ones. For demos and tests." }),
    ),
    allowPrivate: Type.Boolean({
      default: false,
      description: "HTTPS may go to loopback, private and link-local addresses (an identity provider of your own).",
    }),
  },
  "How names are looked up and outgoing connections made.",
);

export type NetworkOptions = Decoded<Static<typeof networkSectionSchema>>;
