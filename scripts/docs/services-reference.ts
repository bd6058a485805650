/**
 * docs/reference/services.md: every service, limit, reply and date with its source and status, from the catalogue. As of no day in
 * particular: all rules of a fact are listed, so that the text changes only with the catalogue.
 */
import { replyText } from "../../src/mail/reply.ts";
import { allFacts, catalogue, factsOf, shared } from "../../src/services/catalogue.ts";
import { minuteMs, type CountedLimit } from "../../src/services/counted.ts";
import type { Fact, Rule } from "../../src/services/fact.ts";
import { announcedOn } from "../../src/services/facts-as-of.ts";
import { formatValue } from "../../src/services/format-value.ts";
import { graphLimits } from "../../src/services/graph.ts";
import { sinceEver } from "../../src/services/rules.ts";
import type { KnownReply } from "../../src/services/service.ts";
import { timeline } from "../../src/services/timeline.ts";

const introduction = `# What is published about the services

Limits, identity rules, prices, dates and replies of each sending service, as Postern's catalogue (\`src/services/\`) has them. Each value says where it was read, when that was
published, and how sure it is: *documented* by the service itself, reported from the *field* by somebody who tested it, or *unverified*. Several rules of one fact follow each other in
time; what was announced and then replaced or called off stays, struck out. \`postern routes show NAME --as-of 2027-01-15 [--known-on DAY]\` answers for one day; an operator's own
values (\`services:\` in the configuration) stand above these, and are shown so.`;

export function servicesReference(notice: string): string {
  return [
    notice,
    introduction,
    ...Object.values(catalogue).flatMap((service) => [
      "",
      `## ${service.title}`,
      "",
      `Kind \`${service.kind}\`.`,
      "",
      ...factTable(factsOf(service)),
      ...countedTable(service.limits),
      ...(service.replies.length === 0 ? [] : ["", "### Replies", "", ...replyTable(service.replies)]),
    ]),
    ...Object.entries(shared).flatMap(([name, { title, facts }]) => [
      "",
      `## ${title}`,
      "",
      `\`${name}\`, whatever the way.`,
      "",
      ...factTable(Object.values(facts)),
      ...(name === "graph" ? countedTable(graphLimits) : []),
    ]),
    "",
    "## Dates",
    "",
    "| day | what | value | announced | source |",
    "|---|---|---|---|---|",
    ...timeline(allFacts(), "9999-12-31").map(
      ({ date, title, value, unit, state, announcedOn: announced, source, sourceDate, factId }) =>
        `| ${date} | ${cell(title)} (\`${factId}\`) | ${struck(cell(formatValue(value, unit)), state === "superseded" || state === "cancelled")}${state === "superseded" || state === "cancelled" ? ` ${state}` : ""} | ${announced === date ? "" : announced} | ${cell(source)}, ${sourceDate} |`,
    ),
    "",
  ].join("\n");
}

function factTable(facts: readonly Fact<unknown>[]): string[] {
  return [
    "| fact | value | holds | source |",
    "|---|---|---|---|",
    ...facts.flatMap((fact) => fact.rules.map((rule, n) => factRow(fact, rule, n))),
  ];
}

function factRow({ id, title, unit }: Fact<unknown>, rule: Rule<unknown>, n: number): string {
  const withdrawn = rule.supersededOn !== undefined || rule.cancelledOn !== undefined;
  const value = `${struck(cell(formatValue(rule.value, unit)), withdrawn)}${rule.note === undefined ? "" : `<br>${cell(rule.note)}`}`;
  return `| ${n === 0 ? `${cell(title)} (\`${id.slice(id.indexOf(".") + 1)}\`)` : ""} | ${value} | ${cell(holds(rule))} | ${rule.status}: ${cell(rule.source)}, ${rule.sourceDate} |`;
}

function holds(rule: Rule<unknown>): string {
  const announced = announcedOn(rule);
  const parts = [
    rule.validFrom === sinceEver ? "" : `from ${rule.validFrom}`,
    rule.validTo === undefined ? "" : `until ${rule.validTo}`,
    announced === rule.validFrom || announced === sinceEver ? "" : `announced ${announced}`,
    rule.supersededOn === undefined ? "" : `superseded ${rule.supersededOn}`,
    rule.cancelledOn === undefined ? "" : `cancelled ${rule.cancelledOn}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function countedTable(limits: readonly CountedLimit[]): string[] {
  if (limits.length === 0) return [];
  return [
    "",
    "### What is counted",
    "",
    "| limit | unit | in | for each | at once | full when |",
    "|---|---|---|---|---|---|",
    ...limits.map(
      ({ fact, unit, windowMs, per, atOnce, countsRefused, fullCodes, domain }) =>
        `| \`${fact}\` | ${unit}${countsRefused === true ? ", refused ones too" : ""} | ${windowMs === 0 ? "at a time" : windowText(windowMs)} | ${per === "application" ? "application at a mailbox" : per}${domain === undefined ? "" : `, ${domain} domain`} | ${atOnce === 1 ? "all" : `${Math.round(atOnce * 100)} %`} | ${fullCodes.map((code) => `\`${code}\``).join(", ")} |`,
    ),
  ];
}

function windowText(ms: number): string {
  const minutes = ms / minuteMs;
  return minutes === 1 ? "a minute" : minutes === 60 ? "an hour" : minutes === 1440 ? "24 hours" : `${minutes} minutes`;
}

function replyTable(replies: readonly KnownReply[]): string[] {
  return [
    "| reply | means | what to do | source |",
    "|---|---|---|---|",
    ...replies.map(
      ({ example, code, advice, source, status }) =>
        `| \`${cell(replyText(example)).replaceAll("`", "'")}\` | \`${code}\` | ${cell(advice ?? "")} | ${status}: ${cell(source)} |`,
    ),
  ];
}

function struck(text: string, withdrawn: boolean): string {
  return withdrawn ? `~~${text}~~` : text;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}
