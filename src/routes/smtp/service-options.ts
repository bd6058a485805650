import { type Static, Type } from "typebox";
import { type Decoded, optionsObject, secretOption } from "../../lib/option-schema.ts";
import { clientOptions, throughTenant } from "./options.ts";
import { type ServiceShape, serviceShapes, type SmtpServiceKind } from "./service-shapes.ts";

/**
 * Options of the routes to services, one branch of the schema for each kind, made from its shape. What an operator leaves out is as the
 * catalogue has it on the day of the message: `postern routes show NAME` tells the values.
 */
const asPublished = "Default: as published for the service.";

const place = {
  published: { host: Type.Optional(Type.String({ minLength: 1, description: `Host name. ${asPublished}` })) },
  named: {
    hosts: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      maxItems: 20,
      description: "Names or addresses, each with `:port` when it differs from `port`. New connections go to one after the other.",
    }),
  },
  mx: {
    domain: Type.Optional(
      Type.String({ pattern: "^[^\\s@:/]+$", description: "The accepted domain whose MX is used; looked up, never derived." }),
    ),
    host: Type.Optional(Type.String({ minLength: 1, description: "Host name instead of `domain`." })),
  },
};

const port = Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: `Port. ${asPublished}` }));
const tls = Type.Optional(
  Type.Enum(["none", "opportunistic", "required", "implicit"], { description: `As for kind smtp. ${asPublished}` }),
);

const secret = {
  secret: Type.Optional(secretOption({ description: "Password or client secret; or `identity`." })),
  identity: Type.Optional(Type.String({ minLength: 1, description: "Name of one of `identities`: logs in with its token (XOAUTH2)." })),
  scope: Type.Optional(Type.String({ minLength: 1, description: `Scope of the token. ${asPublished}` })),
};
const user = { user: Type.String({ minLength: 1, description: "Mailbox, account, or user name that logs in." }), ...secret };
const composedUser = {
  user: Type.Optional(Type.String({ minLength: 1, description: "User name; or `resource`, `application` and `tenant`." })),
  resource: Type.Optional(Type.String({ pattern: "^[^\\s.|]+$", description: "Name of the ACS resource." })),
  application: Type.Optional(Type.String({ pattern: "^[^\\s.|]+$", description: "Client id of the application." })),
  tenant: Type.Optional(Type.String({ pattern: "^[^\\s.|]+$", description: "Tenant id." })),
  ...secret,
};

const senders = {
  account: Type.Optional(
    Type.String({
      pattern: "^[^@\\s<>]+@[^@\\s<>]+$",
      description: "Address the route sends as; default: the user, when that is an address.",
    }),
  ),
  senders: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 10_000,
      description: "Senders the service allows besides the account: `user@domain`, `@domain`. Others are refused before anything is sent.",
    }),
  ),
  rewriteSender: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        "Put the account in the place of a sender that is not allowed: in MAIL FROM and From, with the display name kept and the author in Reply-To.",
    }),
  ),
};

const counting = {
  mailbox: Type.Optional(
    Type.String({
      pattern: "^[^@\\s<>]+@[^@\\s<>]+$",
      description: "Mailbox that the service's limits are counted for. Default: the user, when that is an address, else `account`.",
    }),
  ),
  subscription: Type.Optional(
    Type.String({
      minLength: 1,
      description: "Azure subscription (any name for it) that the limits are counted for. Default: routes without one share one.",
    }),
  ),
  domain: Type.Optional(
    Type.Enum(["custom", "azure-managed"], {
      default: "custom",
      description: "Whose the sending domain is: verified by you, or made by Azure (`GUID.azurecomm.net`), which may send less.",
    }),
  ),
  plan: Type.Optional(
    optionsObject(
      {
        mails: Type.Integer({ minimum: 1, description: "Mails of the plan, one for each recipient." }),
        per: Type.Enum(["day", "month"], { description: "In what time." }),
      },
      "The plan's mails, so that they are not exceeded: in any 24 hours or 31 days.",
    ),
  ),
  throughTenant: Type.Optional(throughTenant),
};

function serviceRouteSchema<K extends SmtpServiceKind>(kind: K) {
  const shape: ServiceShape = serviceShapes[kind];
  const login = optionsObject(shape.composedUser === true ? composedUser : user, "Log in. The secret or the identity must be given.");
  return optionsObject(
    {
      name: Type.String({ minLength: 1, description: "Name of the route, as rules use it." }),
      kind: Type.Literal(kind),
      ...place[shape.place],
      port,
      tls,
      ...(shape.logsIn === "must" ? { auth: login } : shape.logsIn === "may" ? { auth: Type.Optional(login) } : {}),
      ...withoutDefaults(clientOptions),
      ...senders,
      ...pick(counting, shape.counts),
    },
    shape.description,
  );
}

function pick<T extends object>(from: T, names: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Partial<T>;
}

/** The catalogue has the values that kind smtp has fixed defaults for. */
function withoutDefaults(options: typeof clientOptions): typeof clientOptions {
  const profiled = ["maxConnections", "maxMessagesPerConnection", "maxRecipients", "inDoubt"] as const;
  const copy: Record<string, unknown> = { ...options };
  for (const name of profiled) {
    const { default: _fixed, ...rest } = options[name] as unknown as Readonly<Record<string, unknown>>;
    copy[name] = Type.Optional({ ...rest, description: `${String(rest["description"])} ${asPublished}` });
  }
  return copy as typeof clientOptions;
}

export const serviceRouteSchemas = (Object.keys(serviceShapes) as SmtpServiceKind[]).map(serviceRouteSchema);

/** All options that any kind may have; which of them a kind has is its schema's matter. */
const anyService = optionsObject({
  name: Type.String(),
  kind: Type.Enum(Object.keys(serviceShapes) as [SmtpServiceKind, ...SmtpServiceKind[]]),
  host: Type.Optional(Type.String()),
  hosts: Type.Optional(Type.Array(Type.String())),
  port,
  tls,
  auth: Type.Optional(optionsObject(composedUser)),
  ...clientOptions,
  ...senders,
  ...counting,
  // Of a connector an accepted domain, of ACS whose its sending domain is.
  domain: Type.Optional(Type.String()),
});

export type ServiceRouteOptions = Decoded<Static<typeof anyService>>;
