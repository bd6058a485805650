import { Type } from "typebox";
import { optionsObject, sizeOption } from "../lib/option-schema.ts";

/** The `routing` key of the configuration. */
export const RoutingSchema = optionsObject({
  acceptedDomains: Type.Array(
    Type.Union([
      Type.String(),
      optionsObject(
        {
          name: Type.String({ minLength: 1, description: "The domain." }),
          matchSubDomains: Type.Optional(Type.Boolean({ default: false, description: "Its sub-domains as well." })),
        },
        "As Exchange writes it.",
      ),
    ]),
    {
      description: "Domains of the organisation: recipients there are internal. `*.example.com` means its sub-domains, and those alone.",
      default: [],
    },
  ),
  rules: Type.Array(
    optionsObject({
      name: Type.String({ minLength: 1, description: "Shown by `postern why`." }),
      when: Type.Optional(
        optionsObject(
          {
            class: Type.Optional(
              Type.Union([Type.Literal("internal"), Type.Literal("external"), Type.Literal("dsn")], {
                description: "Recipients in an accepted domain, recipients elsewhere, or delivery status notifications of our own.",
              }),
            ),
            principals: Type.Optional(Type.Array(Type.String(), { description: "Names of principals; a network's is `net:NAME`." })),
            reversePaths: Type.Optional(
              Type.Array(Type.String(), { description: "Address patterns: `user@domain`, `@domain`, `@*.domain`, `<>`, `*`." }),
            ),
            recipientDomains: Type.Optional(Type.Array(Type.String(), { description: "`example.com` or `*.example.com`." })),
            sizeOver: Type.Optional(sizeOption({ description: "Only larger messages." })),
            sizeUnder: Type.Optional(sizeOption({ description: "Only messages of at most this size." })),
          },
          "All given conditions must hold; none given: always.",
        ),
      ),
      routes: Type.Array(Type.String(), {
        minItems: 1,
        description:
          "Routes in order of preference; the next is used when one is in trouble, and for a destination that a route of kind mx could not reach three times.",
      }),
      overflow: Type.Optional(
        Type.Boolean({
          default: true,
          description:
            "When a route is at a limit of its service, mail goes by the next that is not. Only routes that leave the visible sender as the first would. false: it waits for the first; the others are for failures.",
        }),
      ),
      order: Type.Optional(
        Type.Union([Type.Literal("listed"), Type.Literal("cheapest"), Type.Literal("truest")], {
          default: "listed",
          description:
            "Which of the routes that can carry a message comes first. listed: the first of `routes`. cheapest: the one with the lowest price for a recipient; a price that is not known comes last. truest: the one that changes least about the message. What is equal keeps the order of `routes`.",
        }),
      ),
    }),
    { description: "The first rule that matches decides.", default: [] },
  ),
});

export interface RoutingOptions {
  readonly acceptedDomains: readonly (string | { readonly name: string; readonly matchSubDomains?: boolean })[];
  readonly rules: readonly RoutingRule[];
}

export interface RoutingRule {
  readonly name: string;
  readonly when?: RoutingCondition;
  readonly routes: readonly string[];
  /** Absent: true. */
  readonly overflow?: boolean;
  /** Absent: listed. */
  readonly order?: "listed" | "cheapest" | "truest";
}

export interface RoutingCondition {
  readonly class?: "internal" | "external" | "dsn";
  readonly principals?: readonly string[];
  readonly reversePaths?: readonly string[];
  readonly recipientDomains?: readonly string[];
  /** Bytes. */
  readonly sizeOver?: number;
  /** Bytes. */
  readonly sizeUnder?: number;
}
