import { html, type Html } from "../../lib/http/html.ts";
import type { HttpReply, HttpRequest } from "../front/http-service.ts";
import type { Application } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import { knownApplication, type Form } from "./client-authentication.ts";
import type { EntraDirectory } from "./entra.ts";
import { readScope, shown } from "./resources.ts";

/**
 * The pages a person meets: choosing an account for the authorisation code, and approving a device. Nobody is asked for a password: accounts of
 * the sandbox are public. With a login_hint of the tenant there is no page at all, so that a test needs no browser.
 */
export function authorize(entra: EntraDirectory, tenantName: string, { query, path }: HttpRequest): HttpReply {
  const parameters: Form = new Map(query);
  try {
    const tenant = entra.tenantNamed(tenantName);
    const application = knownApplication(tenant, parameters.get("client_id") ?? "");
    const redirectUri = parameters.get("redirect_uri") ?? "";
    // Before anything is sent there: nobody is led to where the application does not live.
    if (!isRegistered(application, redirectUri))
      throw new Aadsts(
        50011,
        `The redirect URI '${shown(redirectUri)}' specified in the request does not match the redirect URIs configured for the application '${application.clientId}'.`,
      );
    const state = parameters.get("state");
    const back = (values: Readonly<Record<string, string>>) =>
      redirect(redirectUri, { ...values, ...(state === undefined ? {} : { state }) }, parameters.get("response_mode") ?? "query");
    if (parameters.get("response_type") !== "code")
      return back({ error: "unsupported_response_type", error_description: "Only response_type=code is served." });
    const asked = readScope(parameters.get("scope") ?? "openid", tenant.name);
    const user = entra.user(parameters.get("login_hint") ?? "");
    if (user === null) {
      if (parameters.get("prompt") === "none")
        return back({ error: "login_required", error_description: "There is no session: give a login_hint." });
      return page("Sign in", chooseAccount(entra, application, path, query));
    }
    const challenge = parameters.get("code_challenge");
    const code = entra.grants.addCode({
      clientId: application.clientId,
      redirectUri,
      asked,
      user: user.address,
      challenge:
        challenge === undefined || challenge === ""
          ? null
          : { value: challenge, method: parameters.get("code_challenge_method") === "S256" ? "S256" : "plain" },
      nonce: parameters.get("nonce"),
    });
    return back({ code, session_state: tenant.id });
  } catch (error) {
    if (!(error instanceof Aadsts)) throw error;
    return page("Sorry, but we’re having trouble signing you in", html`<p>AADSTS${error.code}: ${error.message}</p>`, 400);
  }
}

/** Of http://localhost any port is taken, as MS "Redirect URI restrictions" says; everything else must be the same, letter for letter. */
function isRegistered({ redirectUris }: Application, uri: string): boolean {
  if (redirectUris.includes(uri)) return true;
  const local = /^http:\/\/localhost(?::\d{1,5})?(\/[^?#]*)?$/.exec(uri);
  return (
    local !== null &&
    URL.canParse(uri) &&
    redirectUris.some(
      (each) =>
        each.replace(/^(http:\/\/localhost)(?::\d+)?/, "$1").replace(/\/$/, "") === `http://localhost${local[1] ?? ""}`.replace(/\/$/, ""),
    )
  );
}

function redirect(uri: string, values: Readonly<Record<string, string>>, mode: string): HttpReply {
  if (mode === "form_post") {
    const fields = Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
    return page("Signed in", html`<form method="post" action="${uri}">${fields}<button>Continue</button></form>`, 200, "");
  }
  const url = new URL(uri);
  if (mode === "fragment") url.hash = new URLSearchParams(values).toString();
  else for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href, "cache-control": "no-store" } };
}

function chooseAccount(entra: EntraDirectory, { name }: Application, path: string, query: URLSearchParams): Html {
  const link = (address: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set("login_hint", address);
    return `${path}?${parameters.toString()}`;
  };
  return html`<p>${name} asks for: ${query.get("scope") ?? ""}. Choose an account of ${entra.tenant.name}.</p>
    <ul>
      ${accounts(entra).map((address) => html`<li><a href="${link(address)}">${address}</a></li>`)}
    </ul>`;
}

function accounts({ tenant }: EntraDirectory): readonly string[] {
  return [...tenant.mailboxes, ...tenant.hveAccounts].slice(0, 100).map(({ address }) => address);
}

export function devicePage(entra: EntraDirectory, userCode: string, said = ""): HttpReply {
  return page(
    "Enter code",
    html`${said === "" ? "" : html`<p><strong>${said}</strong></p>`}
      <form method="post">
        <p>
          <label>Code <input name="otc" value="${userCode.slice(0, 32)}" autocomplete="off" /></label>
        </p>
        <p>
          <label>
            Account
            <select name="user">
              ${accounts(entra).map((address) => html`<option>${address}</option>`)}
            </select>
          </label>
        </p>
        <p><button name="decision" value="approve">Approve</button> <button name="decision" value="deny">Deny</button></p>
      </form>`,
  );
}

/** The front has refused what a foreign page sends. */
export function decideDevice(entra: EntraDirectory, form: Form): HttpReply {
  const user = entra.user(form.get("user") ?? "");
  const denied = form.get("decision") === "deny";
  if (user === null && !denied) return devicePage(entra, form.get("otc") ?? "", "There is no such account.");
  const known = entra.grants.decide(form.get("otc") ?? "", denied || user === null ? "denied" : { user: user.address });
  return devicePage(entra, "", known ? "Done. You can close this page." : "That code is not known, or it has expired.");
}

export function page(title: string, body: Html, status = 200, formAction = "; form-action 'self'"): HttpReply {
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; base-uri 'none'; frame-ancestors 'none'${formAction}`,
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    },
    body: html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>${title}</title>
        </head>
        <body>
          <h1>${title}</h1>
          ${body}
        </body>
      </html>`.markup,
  };
}
