import { jsonReply, type HttpReply, type HttpRequest, type HttpService } from "../front/http-service.ts";
import { Aadsts, aadstsReply } from "./aadsts.ts";
import { authenticateClient, need, type Form } from "./client-authentication.ts";
import { instanceDiscovery, openIdConfiguration } from "./discovery.ts";
import type { EntraDirectory } from "./entra.ts";
import { answerTokenRequest } from "./grants.ts";
import { deviceCodeLifeMs } from "./pending-grants.ts";
import { readResource, readScope } from "./resources.ts";
import { authorize, decideDevice, devicePage } from "./sign-in-pages.ts";

/**
 * Entra over HTTP: `login.microsoftonline.com`, as far as programs that send mail need it. Endpoints as MS "OAuth 2.0 … on the Microsoft
 * identity platform" names them, in their v1 and v2 forms. Forms are bounded in size and in the number of their fields.
 */
const tenantPath = /^\/([A-Za-z0-9.-]{1,100})\/(.+)$/;
const ownPaths =
  /^\/(?:devicelogin|[A-Za-z0-9.-]{1,100}\/(?:(?:v2\.0\/)?\.well-known\/openid-configuration|discovery\/(?:v2\.0\/)?keys|discovery\/instance|oauth2\/(?:v2\.0\/)?(?:token|devicecode|authorize|deviceauth)))$/;
const maxFields = 100;

export function entraService(entra: EntraDirectory): HttpService {
  return {
    service: "entra",
    hosts: ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    // MSAL sends some of these in other letters.
    owns: (path) => ownPaths.test(path.toLowerCase()),
    maxBody: 64 * 1024,
    // Official libraries refuse http.
    tlsOnly: true,
    handle: async (request) => {
      try {
        return await answer(entra, request);
      } catch (error) {
        if (!(error instanceof Aadsts)) throw error;
        return aadstsReply(
          error,
          request.base,
          request.headers.get("client-request-id") ?? request.query.get("client-request-id") ?? undefined,
        );
      }
    },
  };
}

async function answer(entra: EntraDirectory, request: HttpRequest): Promise<HttpReply> {
  const { base, method } = request;
  if (request.path.toLowerCase() === "/devicelogin") return device(entra, request);
  const [, name = "", rest = ""] = tenantPath.exec(request.path) ?? [];
  const lower = rest.toLowerCase();
  const version = lower.includes("v2.0") ? "v2" : "v1";
  const end = lower.replace("v2.0/", "");
  // Before the tenant is looked at: MSAL asks at `common` for any authority.
  if (end === "discovery/instance") return jsonReply(200, instanceDiscovery(base, entra.tenant.id));
  switch (end) {
    case ".well-known/openid-configuration":
      return jsonReply(200, openIdConfiguration(base, name.toLowerCase(), entra.tenantNamed(name), version));
    case "discovery/keys":
      entra.tenantNamed(name);
      return jsonReply(200, { keys: entra.keys.published() });
    case "oauth2/authorize":
      return authorize(
        entra,
        name,
        method === "POST" ? { ...request, query: new URLSearchParams(request.body.toString("utf8")) } : request,
      );
    case "oauth2/deviceauth":
      return device(entra, request);
    case "oauth2/token":
    case "oauth2/devicecode": {
      if (method !== "POST") return jsonReply(405, { error: "invalid_request", error_description: "Use POST." }, { allow: "POST" });
      const form = readForm(request);
      if (end === "oauth2/devicecode") return jsonReply(200, await beginDevice(entra, form, name, request, version));
      return jsonReply(200, await answerTokenRequest(entra, { form, tenantName: name, version, path: request.path, base }));
    }
    default:
      return jsonReply(404, { error: "not_found", error_description: "Entra has no such endpoint here." });
  }
}

/** RFC 6749 §4: application/x-www-form-urlencoded. §3.1: a parameter may not come twice; the first counts. */
function readForm({ headers, body }: HttpRequest): Form {
  const type = headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type))
    throw new Aadsts(900144, "The request body must contain the following parameter: 'grant_type'.");
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    if (form.size >= maxFields) break;
    if (!form.has(name)) form.set(name, value);
  }
  return form;
}

/** RFC 8628 §3.1. */
async function beginDevice(entra: EntraDirectory, form: Form, name: string, request: HttpRequest, version: "v1" | "v2"): Promise<unknown> {
  const tenant = entra.tenantNamed(name);
  need(form, "client_id");
  const { clientId } = await authenticateClient(tenant, form, "device_code", request.path, entra.clock);
  const resource = form.get("resource");
  const asked =
    version === "v1" && resource !== undefined ? readResource(resource, tenant.name) : readScope(need(form, "scope"), tenant.name);
  const { deviceCode, userCode } = entra.grants.addDevice(clientId, asked);
  const page = `${request.base}/devicelogin`;
  return {
    user_code: userCode,
    device_code: deviceCode,
    verification_uri: page,
    ...(version === "v1" ? { verification_url: page } : {}),
    expires_in: deviceCodeLifeMs / 1000,
    interval: 5,
    message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
  };
}

function device(entra: EntraDirectory, request: HttpRequest): HttpReply {
  return request.method === "POST" ? decideDevice(entra, readForm(request)) : devicePage(entra, request.query.get("otc") ?? "");
}
