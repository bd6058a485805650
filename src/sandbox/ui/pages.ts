import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import type { FastifyInstance, FastifyReply } from "fastify";
import { formatDuration, formatSize } from "../../lib/units.ts";
import type { House } from "../house.ts";
import { html, type Html } from "../../lib/http/html.ts";
import { findMessage, unknownMessage } from "./message-routes.ts";
import type { UiSurroundings } from "./ui.ts";

/**
 * The sandbox to look at: what arrived, the clock, the faults. Made on the server, without scripts or anything from elsewhere; every value is
 * escaped (html.ts) and the policy forbids what would get past that. It shows and changes nothing but HVE accounts (hve-pages.ts): for the rest use the API.
 */
const shownMessages = 200;
const shownContent = 1024 * 1024;

const style = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: break-word; }
th { font-weight: 600; white-space: nowrap; } td.n { text-align: right; white-space: nowrap; } td.t { white-space: nowrap; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8884; border-radius: 4px; }
form { margin: 1rem 0; } input { font: inherit; padding: .2rem .4rem; } code { font-size: .95em; } .quiet { opacity: .7; }
`;
/** Exactly what the policy's hash was made of: nothing may come between the tags and the text. */
const styleElement: Html = { markup: `<style>${style}</style>` };
const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

export function addPages(app: FastifyInstance, house: House, surroundings: UiSurroundings): void {
  app.get<{ Querystring: { to?: unknown } }>("/", (request, reply) => {
    const { to } = request.query;
    return sendPage(reply, "Postern sandbox", overview(house, surroundings, typeof to === "string" ? to.trim().slice(0, 320) : ""));
  });
  app.get<{ Params: { id: string } }>("/messages/:id", async (request, reply) => {
    const message = findMessage(house.messages, request.params.id);
    const content = await house.messages.content(message, shownContent);
    if (content === null) throw unknownMessage();
    const rest = message.size - shownContent;
    return sendPage(
      reply,
      message.subject || message.id,
      html`<p><a href="/">All messages</a> · <a href="/api/messages/${message.id}/raw">Raw</a></p>
        <h1>${message.subject || "(no subject)"}</h1>
        <table>
          <tr>
            <th>From</th>
            <td>${message.mailFrom || "<>"}</td>
          </tr>
          <tr>
            <th>To</th>
            <td>${message.rcptTo.join(", ")}</td>
          </tr>
          <tr>
            <th>Received</th>
            <td>${message.receivedAt} by ${message.service}, ${message.verdict}</td>
          </tr>
          <tr>
            <th>Client</th>
            <td>${message.client.address} (${message.client.hello}) ${message.client.tls ?? "without TLS"}</td>
          </tr>
        </table>
        <pre>${await text(content)}</pre>
        ${rest > 0 ? html`<p class="quiet">${formatSize(rest)} more: see Raw.</p>` : ""}`,
    );
  });
}

function overview({ messages, clock, faults, options, tenant }: House, { services }: UiSurroundings, to: string): Html {
  const found = [...messages.list({ to: to === "" ? undefined : to, limit: shownMessages })];
  const offset = clock.offsetMs;
  return html`<h1>Postern sandbox</h1>
    <p>
      Tenant ${tenant.current.name}: ${tenant.current.domains.map(({ name }) => name).join(", ")}. Outside world:
      ${options.internet.domains.join(", ")}.<br />
      ${services.map(({ service, port }) => html`<code>${service} ${options.address}:${port}</code> `)}
    </p>
    <p>
      Clock:
      <strong>${new Date(clock.now()).toISOString()}</strong>
      ${Math.abs(offset) < 1000 ? "(wall time)" : `(${formatDuration(offset)} ahead)`}
    </p>
    <h2>Messages (${messages.count})</h2>
    <form action="/" method="get">
      <label>To <input name="to" value="${to}" placeholder="user@domain or domain" /></label> <button>Show</button>
    </form>
    <table>
      <tr>
        <th>Received</th>
        <th>Service</th>
        <th>From</th>
        <th>To</th>
        <th>Subject</th>
        <th>Size</th>
      </tr>
      ${found.map(
        (message) =>
          html`<tr>
            <td class="t">${message.receivedAt.slice(0, 19).replace("T", " ")}</td>
            <td>${message.service}</td>
            <td>${message.mailFrom || "<>"}</td>
            <td>${shortList(message.rcptTo)}</td>
            <td><a href="/messages/${message.id}">${message.subject || "(no subject)"}</a></td>
            <td class="n">${formatSize(message.size)}</td>
          </tr>`,
      )}
    </table>
    ${found.length === 0 ? html`<p class="quiet">Nothing here yet.</p>` : ""}
    <h2>Faults</h2>
    ${
      faults.list().length === 0
        ? html`<p class="quiet">None.</p>`
        : html`<table>
            ${faults.list().map(
              (fault) =>
                html`<tr>
                  <td>${fault.id}</td>
                  <td><code>${JSON.stringify(fault.match)}</code></td>
                  <td><code>${JSON.stringify(fault.action)}</code></td>
                  <td class="n">acted ${fault.acted}</td>
                </tr>`,
            )}
          </table>`
    }
    <p><a href="/hve">High Volume Email accounts, and cmdlets</a></p>
    <p class="quiet">API: <a href="/openapi.json">/openapi.json</a></p>`;
}

function shortList(recipients: readonly string[]): string {
  const more = recipients.length - 3;
  return more > 0 ? `${recipients.slice(0, 3).join(", ")} and ${more} more` : recipients.join(", ");
}

export function sendPage(reply: FastifyReply, title: string, body: Html): FastifyReply {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        ${body}
      </body>
    </html>`;
  return reply
    .type("text/html; charset=utf-8")
    .header("content-security-policy", policy)
    .header("referrer-policy", "no-referrer")
    .send(page.markup);
}
