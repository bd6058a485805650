import { formatDuration, formatSize } from "../lib/units.ts";
import { explainGate } from "../reports/explain-limit.ts";
import type { ListenerView, QueueEntryView, QueueListView, RouteView, StatusView, SummaryView, TraceView } from "./contract.ts";
import { html, type Html } from "../lib/http/html.ts";
import type { QuotaView } from "./quota-contract.ts";
import { limitsSection } from "./quota-page.ts";

/** The console's pages, whole and readable without a script; console/console.js refreshes them in place. */
function page(title: string, body: Html, refresh = false): Html {
  return html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${title} – Postern</title>
      <link rel="stylesheet" href="/console.css" />
      ${
        refresh
          ? html`<script src="/console.js" defer></script>
              <noscript><meta http-equiv="refresh" content="10" /></noscript>`
          : ""
      }
    </head>
    <body>
      <a class="skip" href="#main">Skip to content</a>
      <header>
        <p class="brand"><a href="/">Postern</a></p>
        <nav aria-label="Main">
          <form action="/messages" role="search">
            <label for="q">Find mail</label>
            <input id="q" name="q" type="search" placeholder="recipient, sender, id or Message-ID" size="34" /> <button>Find</button>
          </form>
        </nav>
      </header>
      <main id="main">${body}</main>
    </body>
  </html>`;
}

export function statusPage(status: StatusView, quota: QuotaView, queue: QueueListView, recent: readonly SummaryView[]): Html {
  const { totals, balance } = status;
  const waiting = totals.queued + totals.leased + totals.inDoubt + totals.held;
  const body = html`<h1>${status.hostname}</h1>
    <p class="facts">
      Version ${status.version}, up ${formatDuration(status.uptimeMs)}, process ${status.pid}, configuration ${status.configGeneration}.
      Policy clock
      <time>${status.now}</time>${status.clockOffsetMs > 2000 || status.clockOffsetMs < -2000 ? html` <strong>(moved)</strong>` : ""}.
    </p>
    ${status.accepting ? "" : html`<p role="alert" class="bad">No new mail is accepted: the disk is nearly full (${formatSize(status.diskFreeBytes)} free).</p>`}
    <section aria-labelledby="counters">
      <h2 id="counters">Counters</h2>
      <dl class="counters">
        ${counter("Accepted", totals.accepted)}${counter("Relayed", totals.relayed)}${counter("Waiting", waiting)}${counter("Failed", totals.failed, totals.failed > 0)}${counter("Expired", totals.expired, totals.expired > 0)}${counter("Cancelled", totals.cancelled)}${counter("Queued", totals.queued)}${counter("Leased", totals.leased)}${counter("In doubt", totals.inDoubt, totals.inDoubt > 0)}${counter("Held", totals.held)}
      </dl>
      <p class="${balance.ok ? "good" : "bad"}" ${balance.ok ? "" : html`role="alert"`}>
        ${balance.ok ? "The books balance" : "The books do not balance"}: ${balance.accepted} recipients accepted, ${balance.accounted}
        accounted for.
      </p>
      <p class="facts">
        ${totals.messages === 1 ? "1 message waits" : `${totals.messages} messages wait`}${status.oldestQueuedMs === null ? "" : `, the oldest for ${formatDuration(status.oldestQueuedMs)}`}.
        ${formatSize(status.diskFreeBytes)} free on disk. ${status.connections} connections.
      </p>
    </section>
    <section aria-labelledby="routes">
      <h2 id="routes">Routes</h2>
      ${routesTable(status.routes)}
    </section>
    ${limitsSection(quota)}
    <section aria-labelledby="listeners">
      <h2 id="listeners">Listeners</h2>
      ${listenersTable(status.listeners)}
    </section>
    <section aria-labelledby="queue">
      <h2 id="queue">Queue</h2>
      ${queueTable(queue)}
    </section>
    <section aria-labelledby="recent">
      <h2 id="recent">Recent messages</h2>
      ${summaries(recent, "No message yet.")}
    </section>`;
  return page("Status", body, true);
}

function counter(name: string, value: number, bad = false): Html {
  return html`<div${bad ? html` class="bad"` : ""}><dt>${name}</dt><dd>${value}</dd></div>`;
}

function routesTable(routes: readonly RouteView[]): Html {
  const words = { closed: "working", open: "in trouble", paused: "paused" } as Record<string, string>;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Route</th>
          <th scope="col">Leads to</th>
          <th scope="col">State</th>
          <th scope="col">Since</th>
          <th scope="col">Under way</th>
          <th scope="col">Relayed</th>
          <th scope="col">Delayed</th>
          <th scope="col">Failed</th>
          <th scope="col">Last reply</th>
        </tr>
      </thead>
      <tbody>
        ${routes.map(
          (route) =>
            html`<tr>
              <th scope="row">${route.name}</th>
              <td>${route.kind} ${route.target}</td>
              <td class="${route.circuit === "closed" ? "good" : "bad"}">
                ${words[route.circuit] ?? route.circuit}${route.reason === undefined ? "" : `: ${route.reason}`}${route.retryAt === undefined ? "" : html` (next try <time>${route.retryAt}</time>)`}${route.gates.map((gate) => html`<br />At a limit: ${explainGate(gate)}`)}
              </td>
              <td><time>${route.since}</time></td>
              <td>${route.active} of ${route.concurrency}</td>
              <td>${route.relayed}</td>
              <td>${route.delayed}</td>
              <td>${route.failed}</td>
              <td>${route.lastReply ?? ""}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function listenersTable(listeners: readonly ListenerView[]): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Listener</th>
          <th scope="col">Kind</th>
          <th scope="col">Address</th>
          <th scope="col">State</th>
          <th scope="col">Connections</th>
        </tr>
      </thead>
      <tbody>
        ${listeners.map(
          (listener) =>
            html`<tr>
              <th scope="row">${listener.name}</th>
              <td>${listener.kind}</td>
              <td>${listener.address}${listener.port === 0 ? "" : `:${listener.port}`}</td>
              <td class="${listener.ready ? "good" : "bad"}">${listener.ready ? "up" : (listener.text ?? "down")}</td>
              <td>${listener.connections}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function queueTable(queue: QueueListView): Html {
  if (queue.messages.length === 0) return html`<p>Nothing waits.</p>`;
  return html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">State</th>
            <th scope="col">Reason</th>
            <th scope="col">Next attempt</th>
          </tr>
        </thead>
        <tbody>
          ${queue.messages.flatMap(queueRows)}
        </tbody>
      </table>
    </div>
    ${queue.next === undefined ? "" : html`<p>More wait: <code>postern queue</code> lists all.</p>`}`;
}

function queueRows(entry: QueueEntryView): Html[] {
  return entry.recipients
    .filter(({ state }) => isWaiting(state))
    .slice(0, 5)
    .map(
      (recipient) =>
        html`<tr>
          <th scope="row"><a href="/messages/${entry.id}">${entry.id}</a></th>
          <td>${entry.from}</td>
          <td>${recipient.address}</td>
          <td>${stateWord(recipient.state)}</td>
          <td>${recipient.status ?? ""} ${recipient.reason ?? ""}</td>
          <td>${recipient.state === "queued" ? html`<time>${recipient.notBefore}</time>` : ""}</td>
        </tr>`,
    );
}

function summaries(messages: readonly SummaryView[], none: string): Html {
  if (messages.length === 0) return html`<p>${none}</p>`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Message</th>
          <th scope="col">Received</th>
          <th scope="col">From</th>
          <th scope="col">Subject</th>
          <th scope="col">Recipients</th>
        </tr>
      </thead>
      <tbody>
        ${messages.map(
          (message) =>
            html`<tr>
              <th scope="row"><a href="/messages/${message.id}">${message.id}</a></th>
              <td><time>${message.receivedAt}</time></td>
              <td>${message.from}</td>
              <td>${message.subject}</td>
              <td>
                ${Object.entries(message.states)
                  .map(([state, count]) => `${count} ${stateWord(state)}`)
                  .join(", ")}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function searchPage(asked: string, found: readonly SummaryView[]): Html {
  return page(
    "Find mail",
    html`<h1>Find mail</h1>
      <p>Looked for “${asked}”.</p>
      ${summaries(found, "Nothing found. Give a recipient, a sender or a Message-ID, whole or as @domain.")}`,
  );
}

export function messagePage(trace: TraceView): Html {
  return page(
    `Message ${trace.id}`,
    html`<h1>Message ${trace.id}</h1>
      <dl class="message">
        <dt>From</dt>
        <dd>${trace.from}${trace.author === "" ? "" : ` (author ${trace.author})`}</dd>
        <dt>Subject</dt>
        <dd>${trace.subject}</dd>
        <dt>Message-ID</dt>
        <dd>${trace.messageId}</dd>
        <dt>Received</dt>
        <dd><time>${trace.receivedAt}</time></dd>
        <dt>Size</dt>
        <dd>${formatSize(trace.size)}</dd>
      </dl>
      <h2>Recipients</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Recipient</th>
              <th scope="col">State</th>
              <th scope="col">Attempts</th>
              <th scope="col">Last words</th>
            </tr>
          </thead>
          <tbody>
            ${trace.recipients.map(
              (recipient) =>
                html`<tr>
                  <th scope="row">${recipient.address}</th>
                  <td>${stateWord(recipient.state)}</td>
                  <td>${recipient.attempts}</td>
                  <td>${recipient.status ?? ""} ${recipient.reason ?? ""}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <h2>Story</h2>
      <pre>${trace.story.join("\n")}</pre>`,
  );
}

export function loginPage(fault: string | null): Html {
  return page(
    "Log in",
    html`<h1>Log in</h1>
      ${fault === null ? "" : html`<p role="alert" class="bad">${fault}</p>`}
      <p>Open the login link that the start printed, or enter the token: <code>postern env</code> prints it as GATEWAY_ADMIN_TOKEN.</p>
      <form method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required size="50" /> <button>Log in</button>
      </form>`,
  );
}

export function problemPage(text: string): Html {
  return page(
    "Not found",
    html`<h1>Not found</h1>
      <p role="alert">${text}</p>`,
  );
}

/** Of a message that waits, some recipients may be done with. */
function isWaiting(state: string): boolean {
  return state === "queued" || state === "leased" || state === "inDoubt" || state === "held";
}

function stateWord(state: string): string {
  return state === "inDoubt" ? "in doubt" : state;
}
