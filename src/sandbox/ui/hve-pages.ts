import type { FastifyInstance } from "fastify";
import { html, type Html } from "../../lib/http/html.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { House } from "../house.ts";
import { addHveAccount, hveAccountLimit, removeHveAccount } from "../tenant/hve-administration.ts";
import { TenantFault } from "../tenant/read-tenant.ts";
import type { HveAccount } from "../tenant/tenant.ts";
import { runCmdlet } from "./hve-routes.ts";
import { sendPage } from "./pages.ts";
import { changeTenant } from "./tenant-routes.ts";

/**
 * HVE accounts as the admin centre makes them: display name, primary address, alias, password twice, then a review, then the account. And a
 * field for cmdlets. Forms come from this server only: request-guard.ts has refused what a foreign page would send.
 */
type Fields = Readonly<Record<string, string>>;
const fieldNames = ["displayName", "address", "alias", "password", "password2"] as const;

export function addHvePages(app: FastifyInstance, house: House): void {
  app.get("/hve", (_request, reply) => sendPage(reply, "High Volume Email", overview(house)));
  app.get("/hve/new", (_request, reply) => sendPage(reply, "New HVE account", accountForm({}, [])));
  // A scope of its own: here bodies are forms, elsewhere they are JSON whatever they say they are.
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<string>("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, parsed) =>
      parsed(null, Object.fromEntries(new URLSearchParams(body))),
    );
    scope.post("/hve/new", (request, reply) => {
      const fields = (request.body ?? {}) as Fields;
      const faults = faultsOf(house, fields);
      // From the review back to the form, with what was typed.
      const body = faults.length > 0 || fields["step"] === "back" ? accountForm(fields, faults) : review(fields);
      return sendPage(reply.code(faults.length > 0 ? 422 : 200), "New HVE account", body);
    });
    scope.post("/hve/create", (request, reply) => {
      const fields = (request.body ?? {}) as Fields;
      const faults = faultsOf(house, fields);
      if (faults.length > 0) return sendPage(reply.code(422), "New HVE account", accountForm(fields, faults));
      changeTenant(house, (tenant) => addHveAccount(tenant, accountOf(fields), house.clock.now()));
      return reply.redirect("/hve", 303);
    });
    scope.post("/hve/remove", (request, reply) => {
      changeTenant(house, (tenant) => removeHveAccount(tenant, ((request.body ?? {}) as Fields)["address"] ?? ""));
      return reply.redirect("/hve", 303);
    });
    scope.post("/hve/cmdlet", (request, reply) => {
      const { text = "", apply } = (request.body ?? {}) as Fields;
      try {
        const told = runCmdlet(house, text, apply !== undefined);
        return sendPage(reply, told.cmdlet, overview(house, text, told));
      } catch (error) {
        if (!(error instanceof HttpFailure)) throw error;
        return sendPage(reply.code(422), "Cmdlet", overview(house, text, { says: [], refused: error.message, applied: false }));
      }
    });
    done();
  });
}

/** What the form gets wrong, in words; what addHveAccount would say is among it. */
function faultsOf(house: House, fields: Fields): readonly string[] {
  const faults: string[] = [];
  if ((fields["displayName"] ?? "").trim() === "") faults.push("Give it a display name.");
  if (fields["password"] !== fields["password2"]) faults.push("The two passwords differ.");
  try {
    addHveAccount(house.tenant.current, accountOf(fields), house.clock.now());
  } catch (error) {
    if (!(error instanceof TenantFault)) throw error;
    faults.push(error.message);
  }
  return faults;
}

function accountOf(fields: Fields): Pick<HveAccount, "displayName" | "address" | "alias" | "password"> {
  const [displayName = "", address = "", alias = "", password = ""] = ["displayName", "address", "alias"]
    .map((name) => (fields[name] ?? "").trim())
    .concat(fields["password"] ?? "");
  return { displayName, address, alias, password };
}

function accountForm(fields: Fields, faults: readonly string[]): Html {
  const value = (name: string) => fields[name] ?? "";
  return html`<p><a href="/hve">HVE accounts</a></p>
    <h1>New HVE account</h1>
    ${faults.map((fault) => html`<p><strong>${fault}</strong></p>`)}
    <form method="post" action="/hve/new">
      <p>
        <label>Display name<br /><input name="displayName" value="${value("displayName")}" required maxlength="256" /></label>
      </p>
      <p>
        <label>Primary address<br /><input name="address" type="email" value="${value("address")}" required maxlength="320" /></label>
      </p>
      <p>
        <label>Alias (empty: what stands before the @)<br /><input name="alias" value="${value("alias")}" maxlength="64" /></label>
      </p>
      <p>
        <label
          >Password<br /><input name="password" type="password" required minlength="8" maxlength="256" autocomplete="new-password"
        /></label>
      </p>
      <p>
        <label
          >Password again<br /><input name="password2" type="password" required minlength="8" maxlength="256" autocomplete="new-password"
        /></label>
      </p>
      <p><button>Review</button></p>
    </form>`;
}

function review(fields: Fields): Html {
  const { displayName, address, alias } = accountOf(fields);
  const hidden = fieldNames.map((name) => html`<input type="hidden" name="${name}" value="${fields[name] ?? ""}" />`);
  return html`<h1>Review</h1>
    <table>
      <tr>
        <th>Display name</th>
        <td>${displayName}</td>
      </tr>
      <tr>
        <th>Primary address</th>
        <td>${address}</td>
      </tr>
      <tr>
        <th>Alias</th>
        <td>${alias === "" ? "what stands before the @" : alias}</td>
      </tr>
      <tr>
        <th>Password</th>
        <td>as typed</td>
      </tr>
    </table>
    <form method="post" action="/hve/create">${hidden}<button>Create</button></form>
    <form method="post" action="/hve/new">${hidden}<button name="step" value="back">Back</button></form>`;
}

function overview(
  house: House,
  text = "",
  told?: { readonly says: readonly string[]; readonly refused: string | null; readonly applied: boolean },
): Html {
  const { hveAccounts, name } = house.tenant.current;
  return html`<p><a href="/">Sandbox</a></p>
    <h1>High Volume Email accounts of ${name}</h1>
    <p>
      ${hveAccounts.length} of ${hveAccountLimit(house.clock.now())} on ${new Date(house.clock.now()).toISOString().slice(0, 10)}.
      <a href="/hve/new">New account</a>
    </p>
    <table>
      <tr>
        <th>Display name</th>
        <th>Address</th>
        <th>Alias</th>
        <th>Billing</th>
        <th>Applications</th>
        <th>Reply-To</th>
        <th></th>
      </tr>
      ${hveAccounts.map(
        (account) =>
          html`<tr>
            <td>${account.displayName}</td>
            <td>${account.address}</td>
            <td>${account.alias}</td>
            <td>${account.billingPolicyStatus}</td>
            <td>${account.allowedApps.length}</td>
            <td>${account.replyTo ?? ""}</td>
            <td>
              <form method="post" action="/hve/remove">
                <input type="hidden" name="address" value="${account.address}" /><button>Remove</button>
              </form>
            </td>
          </tr>`,
      )}
    </table>
    <h2>Cmdlet</h2>
    <form method="post" action="/hve/cmdlet">
      <p><input name="text" size="90" maxlength="4000" value="${text}" placeholder="New-MailUser -HVEAccount -Name …" /></p>
      <button>Explain</button> <button name="apply" value="1">Do it</button>
    </form>
    ${
      told === undefined
        ? ""
        : html`<ul>
              ${told.says.map((sentence) => html`<li>${sentence}</li>`)}
            </ul>
            <p><strong>${told.refused === null ? (told.applied ? "Done." : "It would be done.") : `Refused: ${told.refused}`}</strong></p>`
    }`;
}
