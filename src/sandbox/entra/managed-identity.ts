import { jsonReply, type HttpReply, type HttpRequest, type HttpService } from "../front/http-service.ts";
import type { Application } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import type { EntraDirectory } from "./entra.ts";
import { equalSecrets } from "./equal-secrets.ts";
import { readResource, shown } from "./resources.ts";

/**
 * Managed identities: the token endpoint of the instance metadata service (169.254.169.254 of a virtual machine) and that of App Service
 * (IDENTITY_ENDPOINT with IDENTITY_HEADER). Official credential classes find them by their environment variables:
 *
 *     AZURE_POD_IDENTITY_AUTHORITY_HOST=http://localhost:10081                  the metadata form
 *     IDENTITY_ENDPOINT=http://localhost:10081/msi/token IDENTITY_HEADER=…      the App Service form
 *
 * Both speak plain http, as the real ones do. Without client_id the first managed identity of the tenant is meant.
 */
export const identityHeader = "sandbox-identity-header";

const metadataPath = "/metadata/identity/oauth2/token";
const appServicePath = "/msi/token";
/** MS "How managed identities for Azure resources work": tokens live a day. */
const lifeSeconds = 86_399;

export function managedIdentityService(entra: EntraDirectory): HttpService {
  return {
    service: "managed-identity",
    hosts: ["169.254.169.254"],
    owns: (path) => [metadataPath, appServicePath].includes(plainPath(path)),
    maxBody: 0,
    tlsOnly: false,
    handle: async (request) => {
      try {
        return await (plainPath(request.path) === appServicePath ? appService(entra, request) : metadata(entra, request));
      } catch (error) {
        if (!(error instanceof Aadsts)) throw error;
        return refused(400, error.error, `AADSTS${error.code}: ${error.message}`);
      }
    },
  };
}

/** MSAL puts a slash behind an address that it was given. */
function plainPath(path: string): string {
  return path.replace(/\/$/, "");
}

async function metadata(entra: EntraDirectory, { method, headers, query }: HttpRequest): Promise<HttpReply> {
  if (method !== "GET") return refused(405, "method_not_allowed", "Use GET.");
  // MS "How to use managed identities … to acquire an access token": the header guards against forged requests; texts as shown there.
  if (headers.get("metadata") !== "true" || headers.has("x-forwarded-for"))
    return refused(400, "bad_request_102", "Required metadata header not specified");
  if (query.get("api-version") === null) return refused(400, "invalid_request", "Required query variable 'api-version' is missing");
  const found = identity(entra, query);
  if (found === null) return refused(400, "invalid_request", "Identity not found");
  const { audience, token, expiresOn } = await tokenFor(entra, found, query);
  return jsonReply(200, {
    access_token: token,
    client_id: found.clientId,
    expires_in: String(lifeSeconds),
    expires_on: String(expiresOn),
    ext_expires_in: String(lifeSeconds),
    not_before: String(expiresOn - lifeSeconds - 300),
    resource: audience,
    token_type: "Bearer",
  });
}

/** MS "How to use managed identities for App Service and Azure Functions", api-version 2019-08-01. */
async function appService(entra: EntraDirectory, { method, headers, query }: HttpRequest): Promise<HttpReply> {
  if (method !== "GET") return refused(405, "method_not_allowed", "Use GET.");
  if (!equalSecrets(headers.get("x-identity-header") ?? "", identityHeader))
    return refused(401, "unauthorized", "X-IDENTITY-HEADER is missing or wrong");
  if (query.get("api-version") !== "2019-08-01") return refused(400, "invalid_request", "Unsupported api-version; 2019-08-01 is served");
  const found = identity(entra, query);
  if (found === null) return refused(400, "invalid_request", "No managed identity was found for the specified id");
  const { audience, token, expiresOn } = await tokenFor(entra, found, query);
  return jsonReply(200, {
    access_token: token,
    client_id: found.clientId,
    expires_on: String(expiresOn),
    resource: audience,
    token_type: "Bearer",
  });
}

function identity({ tenant }: EntraDirectory, query: URLSearchParams): Application | null {
  const identities = tenant.applications.filter(({ managedIdentity }) => managedIdentity);
  const clientId = query.get("client_id");
  const objectId = query.get("object_id") ?? query.get("principal_id");
  if (clientId !== null) return identities.find((each) => each.clientId.toLowerCase() === clientId.toLowerCase()) ?? null;
  if (objectId !== null) return identities.find((each) => each.objectId.toLowerCase() === objectId.toLowerCase()) ?? null;
  // By resource id: its last part is the identity's name.
  const resourceId = query.get("msi_res_id") ?? query.get("mi_res_id");
  if (resourceId !== null) return identities.find(({ name }) => name.toLowerCase() === resourceId.split("/").at(-1)?.toLowerCase()) ?? null;
  return identities[0] ?? null;
}

async function tokenFor(
  entra: EntraDirectory,
  application: Application,
  query: URLSearchParams,
): Promise<{ audience: string; token: string; expiresOn: number }> {
  const resource = query.get("resource") ?? "";
  if (resource === "") throw new Aadsts(900144, "The request body must contain the following parameter: 'resource'.");
  const asked = readResource(shown(resource), entra.tenant.name);
  const token = await entra.forApplication(application, asked, lifeSeconds);
  return { audience: asked.audience, token, expiresOn: Math.floor(Date.now() / 1000) + lifeSeconds };
}

function refused(status: number, error: string, description: string): HttpReply {
  return jsonReply(status, { error, error_description: description });
}
