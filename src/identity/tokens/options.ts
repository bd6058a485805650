import { Type, type Static } from "typebox";
import { durationOption, fileOption, optionsObject, secretReaderOption, type Decoded } from "../../lib/option-schema.ts";

/** What of the configuration says as whom routes ask for tokens: `identities` and `tokenStore`. */
const name = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
  examples: ["mail-gateway"],
  description: "Unique name, as routes use it: `auth: { user, identity: NAME }`.",
});

const authority = {
  authority: Type.String({
    pattern: "^https://[^\\s/?#@]+(/[^\\s?#]*)?$",
    default: "https://login.microsoftonline.com",
    examples: ["https://login.microsoftonline.com"],
    description: "Where tokens come from, without the tenant.",
  }),
  ca: Type.Optional(fileOption({ description: "PEM file of the authorities to trust for that place, instead of `network.ca`." })),
  tenant: Type.String({
    pattern: "^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$",
    examples: ["contoso.onmicrosoft.com"],
    description: "Tenant id or one of its domains.",
  }),
  clientId: Type.String({
    pattern: "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$",
    examples: ["11111111-2222-3333-4444-555555555555"],
    description: "Application (client) id.",
  }),
};

const secrets = Type.Array(secretReaderOption({ description: "`{ env: NAME }` or `{ file: path }`, `expires` beside it." }), {
  minItems: 1,
  maxItems: 8,
  description: "Client secrets, the oldest first. While one is renewed, old and new stand side by side; the newest that works is used.",
});

export const clientSecretSchema = optionsObject(
  { name, kind: Type.Literal("client-secret"), ...authority, secrets },
  "An application with client secrets (client credentials).",
);

export const clientCertificateSchema = optionsObject(
  {
    name,
    kind: Type.Literal("client-certificate"),
    ...authority,
    certificates: Type.Array(
      optionsObject({
        cert: secretReaderOption({ description: "PEM of the certificate." }),
        key: secretReaderOption({ description: "PEM of its private key (RSA, not encrypted)." }),
      }),
      { minItems: 1, maxItems: 8, description: "Certificates, the oldest first; the newest that works is used." },
    ),
  },
  "An application with certificates (client credentials with a signed assertion).",
);

export const managedIdentitySchema = optionsObject(
  {
    name,
    kind: Type.Literal("managed-identity"),
    clientId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "Of a user-assigned identity; the system-assigned one when absent." }),
    ),
    endpoint: Type.Optional(
      Type.String({
        pattern: "^https?://[^\\s?#@]+$",
        examples: ["http://169.254.169.254/metadata/identity/oauth2/token"],
        description:
          "Token endpoint. Default: that of IDENTITY_ENDPOINT, when the environment has it (App Service, Container Apps), else the machine's instance metadata.",
      }),
    ),
    header: Type.Optional(
      secretReaderOption({ description: "What the endpoint wants as X-IDENTITY-HEADER; default: the variable IDENTITY_HEADER." }),
    ),
  },
  "The identity that Azure gives to the machine or container that Postern runs on; there is no secret to keep.",
);

const delegated = {
  ...authority,
  user: Type.Optional(Type.String({ pattern: "^[^@\\s]+@[^@\\s]+$", description: "Who is expected to sign in; another one is refused." })),
  clientSecret: Type.Optional(secretReaderOption({ description: "Only when the application is a confidential one." })),
};

export const deviceCodeSchema = optionsObject(
  { name, kind: Type.Literal("device-code"), ...delegated },
  "A user who signs in once with a code (`postern setup ROUTE --login`); the refresh token is kept encrypted. Needs `tokenStore`.",
);

export const authorizationCodeSchema = optionsObject(
  {
    name,
    kind: Type.Literal("authorization-code"),
    ...delegated,
    redirectPort: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 0, description: "Port on loopback that the browser comes back to; 0: any." }),
    ),
  },
  "A user who signs in once with a browser (`postern setup ROUTE --login`); the refresh token is kept encrypted. Needs `tokenStore`.",
);

export const passwordSchema = optionsObject(
  {
    name,
    kind: Type.Literal("password"),
    ...authority,
    user: Type.String({ pattern: "^[^@\\s]+@[^@\\s]+$", description: "Who signs in." }),
    password: secretReaderOption({ description: "Their password, by reference." }),
    clientSecret: Type.Optional(secretReaderOption({ description: "Only when the application is a confidential one." })),
  },
  "A user name and password that are exchanged for a token (ROPC). Discouraged: it fails with multi-factor authentication and Microsoft advises against it.",
);

export const tokenIdentitySchema = Type.Union([
  clientSecretSchema,
  clientCertificateSchema,
  managedIdentitySchema,
  deviceCodeSchema,
  authorizationCodeSchema,
  passwordSchema,
]);

export const tokenStoreSchema = optionsObject(
  {
    key: Type.Optional(
      secretReaderOption({
        description: "Key under which refresh tokens are encrypted, at least 16 characters: `openssl rand -base64 32`.",
      }),
    ),
    timeout: durationOption({ default: "30s", description: "For one request to an authority." }),
  },
  "How tokens are asked for and kept.",
);

export type ClientSecretOptions = Decoded<Static<typeof clientSecretSchema>>;
export type ClientCertificateOptions = Decoded<Static<typeof clientCertificateSchema>>;
export type ManagedIdentityOptions = Decoded<Static<typeof managedIdentitySchema>>;
export type DelegatedOptions = Decoded<Static<typeof deviceCodeSchema>> | Decoded<Static<typeof authorizationCodeSchema>>;
export type PasswordOptions = Decoded<Static<typeof passwordSchema>>;
export type TokenIdentityOptions =
  | ClientSecretOptions
  | ClientCertificateOptions
  | ManagedIdentityOptions
  | DelegatedOptions
  | PasswordOptions;
export type TokenStoreOptions = Decoded<Static<typeof tokenStoreSchema>>;
