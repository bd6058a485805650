import { html, type Html } from "../lib/http/html.ts";
import type { QuotaCounterView, QuotaLimitView, QuotaView } from "./quota-contract.ts";
import { amountWords } from "./quota-words.ts";

const shown = 8;
const shownAlerts = 5;

/** The limits that are nearest to full, and what was told of them last. */
export function limitsSection({ limits, alerts, now }: QuotaView): Html {
  const fullest = limits
    .flatMap((limit) => limit.counters.map((counter) => ({ limit, counter })))
    .filter(({ counter }) => counter.ratio > 0 || counter.pausedUntil !== undefined)
    .toSorted((one, other) => other.counter.ratio - one.counter.ratio)
    .slice(0, shown);
  return html`<section aria-labelledby="limits">
    <h2 id="limits">Limits</h2>
    ${fullest.length === 0 ? html`<p>Nothing is used of any limit.</p>` : fullestTable(fullest, now)}
    ${
      alerts.length === 0
        ? ""
        : html`<ul>
            ${alerts.slice(0, shownAlerts).map(({ at, text }) => html`<li><time>${at}</time> ${text}</li>`)}
          </ul>`
    }
  </section>`;
}

function fullestTable(fullest: readonly { readonly limit: QuotaLimitView; readonly counter: QuotaCounterView }[], now: string): Html {
  return html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col">Counted for</th>
            <th scope="col">Used</th>
            <th scope="col">Other senders</th>
            <th scope="col">Left</th>
            <th scope="col">Next may go</th>
            <th scope="col">All is back</th>
            <th scope="col">Most by</th>
          </tr>
        </thead>
        <tbody>
          ${fullest.map(({ limit, counter }) => row(limit, counter, now))}
        </tbody>
      </table>
    </div>
    <p class="facts"><code>postern quota</code> shows all, and the last seven days.</p>`;
}

function row(limit: QuotaLimitView, counter: QuotaCounterView, now: string): Html {
  const { id, title, amount, unit, windowMs, holds } = limit;
  const { counted, used, foreign, ratio, left, nextAt, emptyAt, pausedUntil, principals } = counter;
  const percent = Math.round(ratio * 100);
  const [first] = principals;
  return html`<tr>
    <th scope="row" title="${title}">${id}</th>
    <td>${counted === "" ? "all mail" : counted}</td>
    <td${ratio >= 0.95 && holds ? html` class="bad"` : ""}>
      <meter min="0" max="1" high="0.8" value="${Math.min(1, ratio)}">${percent} %</meter> ${percent} %: ${used} of
      ${amountWords(amount, unit, windowMs)}
    </td>
    <td>${foreign === 0 ? "" : foreign}</td>
    <td>${holds ? left.transactional : "a warning only"}</td>
    <td>${pausedUntil === undefined ? moment(nextAt.transactional, now) : html`full, as the service said, until <time>${pausedUntil}</time>`}</td>
    <td>${emptyAt === undefined ? "" : html`<time>${emptyAt}</time>`}</td>
    <td>${first === undefined ? "" : `${first.principal} ${Math.round(first.share * 100)} %`}</td>
  </tr>`;
}

function moment(at: string, now: string): Html {
  return at <= now ? html`now` : html`<time>${at}</time>`;
}
