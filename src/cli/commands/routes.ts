import { InvalidArgumentError, type Command } from "commander";
import type { ProbeView, RouteView } from "../../admin/contract.ts";
import type { ServiceFactsView } from "../../admin/service-facts.ts";
import { isDay } from "../../lib/days.ts";
import { explainGate } from "../../reports/explain-limit.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { cleanCell, printJson, printLines, printTable, shortTime } from "../output.ts";
import { definePins } from "../routes/pins.ts";
import { readMessage } from "../routes/read-message.ts";
import { repeated, size, withData, withExamples, withJson, type CommonOptions } from "../options.ts";
import { describeFacts } from "../service-facts.ts";

interface ExplainOptions extends CommonOptions {
  readonly from: string;
  readonly to: readonly string[];
  readonly size?: number;
  readonly principal: string;
  readonly author?: readonly string[];
  readonly file?: string;
}

interface ShowOptions extends CommonOptions {
  readonly asOf?: string;
  readonly knownOn?: string;
  readonly service?: string;
}

interface Answer {
  readonly recipient: string;
  readonly text: readonly string[];
}

const states: Readonly<Record<string, string>> = { closed: "working", open: "in trouble", paused: "paused" };

export default function define(command: Command): void {
  withJson(withData(command)).action(async ({ data, json }: CommonOptions) => {
    const { routes } = await openControl(data).get<{ routes: readonly RouteView[] }>("/api/routes");
    if (json === true) return printJson(routes);
    printRoutes(routes);
  });
  withExamples(command, [
    ["postern routes", "every route and its health"],
    ["postern routes explain --from app@contoso.example --to bob@fabrikam.example", "what routing would decide"],
    ["postern routes probe tenant", "connect, TLS, log-in; no message is sent"],
    ["postern routes pause tenant", "send nothing by it until resumed"],
  ]);
  const sub = (name: string, summary: string) => withJson(withData(command.command(name).description(summary).exitOverride()));
  const show = sub("show", "one route; with a day, what is published about its service")
    .argument("[name]", "route")
    .option("--as-of <day>", "what holds on a day, such as 2027-01-15", aDay)
    .option("--known-on <day>", "by what was known on a day", aDay)
    .option("--service <kind>", "a service instead of a route; needs no running gateway");
  show.action(async (name: string | undefined, _: unknown, self: Command) => {
    const { data, json, asOf, knownOn, service } = self.optsWithGlobals<ShowOptions>();
    if ((name === undefined) === (service === undefined)) throw new CommandError("usage", "name a route, or a --service");
    if (service === undefined && asOf === undefined && knownOn === undefined) {
      const route = await openControl(data).get<RouteView>(`/api/routes/${encodeURIComponent(name ?? "")}`);
      if (json === true) return printJson(route);
      return printLines([
        ...describe(route),
        `  what is published about its service: postern routes show ${cleanCell(route.name)} --as-of ${new Date().toISOString().slice(0, 10)}`,
      ]);
    }
    const view =
      service === undefined
        ? await openControl(data).get<ServiceFactsView>(`/api/routes/${encodeURIComponent(name ?? "")}/facts`, { asOf, knownOn })
        : await factsOfService(service, asOf, knownOn);
    if (json === true) return printJson(view);
    printLines(describeFacts(view).map(cleanCell));
  });
  withExamples(show, [
    ["postern routes show tenant", "its health"],
    ["postern routes show tenant --as-of 2027-01-15", "limits, identity rules, prices and dates of its service on that day"],
    ["postern routes show --service smtp-auth --as-of 2026-03-15 --known-on 2025-07-01", "what was believed then; without a gateway"],
  ]);
  for (const [action, summary] of [
    ["pause", "send nothing by a route until it is resumed"],
    ["resume", "send by a paused route again"],
  ] as const) {
    sub(action, summary)
      .argument("<name>", "route")
      .action(async (name: string, _: unknown, self: Command) => {
        const { data, json } = self.optsWithGlobals<CommonOptions>();
        const route = await openControl(data).post<RouteView>(`/api/routes/${encodeURIComponent(name)}/${action}`);
        if (json === true) return printJson(route);
        process.stdout.write(`${route.name}: ${states[route.circuit] ?? route.circuit}\n`);
      });
  }
  sub("probe", "try a route up to but not including a message")
    .argument("<name>", "route")
    .action(async (name: string, _: unknown, self: Command) => {
      const { data, json } = self.optsWithGlobals<CommonOptions>();
      const probe = await openControl(data).post<ProbeView>(`/api/routes/${encodeURIComponent(name)}/probe`);
      if (json === true) printJson(probe);
      else
        printLines([
          ...probe.steps.map((step) => `${step.ok ? "ok  " : "FAIL"}  ${step.name}: ${cleanCell(step.text)}`),
          cleanCell(probe.text),
        ]);
      if (!probe.ok) process.exitCode = 1;
    });
  definePins(sub);
  const explain = sub("explain", "what routing would decide for a message; nothing is sent")
    .requiredOption("--from <address>", "reverse-path; <> for the null one")
    .requiredOption("--to <address>", "recipient; may be given more than once", repeatedAddress)
    .option("--size <size>", "size of the message; default: that of the file, or 10KB", size)
    .option("--author <address>", "address in From, when it is not the reverse-path; may be given more than once", repeatedAddress)
    .option("--file <message>", "a message, whose size, From and Reply-To count")
    .option("--principal <name>", "who submits; a network is net:NAME", "");
  explain.action(async (_: unknown, self: Command) => {
    const { data, json, from, to, size: given, principal, author, file } = self.optsWithGlobals<ExplainOptions>();
    const message = file === undefined ? null : await readMessage(file);
    const { answers } = await openControl(data).post<{ answers: readonly Answer[] }>("/api/routes/explain", {
      from,
      to,
      size: given ?? message?.size ?? 10_240,
      principal,
      authors: author ?? message?.authors ?? [],
      ...(message === null ? {} : { replyTo: message.replyTo }),
    });
    if (json === true) return printJson(answers);
    printLines(
      answers
        .flatMap(({ recipient, text }, index) => [...(index === 0 ? [] : [""]), recipient, ...text.map((line) => `  ${line}`)])
        .map(cleanCell),
    );
  });
  withExamples(explain, [
    [
      "postern routes explain --from app@contoso.example --to bob@fabrikam.example --file message.eml",
      "with what a message says of itself",
    ],
    [
      "postern routes explain --from app@contoso.example --to a@contoso.example --to b@fabrikam.example --size 20MB",
      "two recipients at once",
    ],
  ]);
}

function aDay(text: string): string {
  if (!isDay(text)) throw new InvalidArgumentError("Write a day: 2027-01-15.");
  return text;
}

/** From the catalogue of this program: what an operator overrides is known to a running gateway only. */
async function factsOfService(service: string, asOf: string | undefined, knownOn: string | undefined): Promise<ServiceFactsView> {
  const [{ serviceFacts }, { factGroups, isFactGroup }] = await Promise.all([
    import("../../admin/service-facts.ts"),
    import("../../services/catalogue.ts"),
  ]);
  if (!isFactGroup(service)) throw new CommandError("usage", `there is no service ${service}; there are: ${factGroups.join(", ")}`);
  return serviceFacts({ service, asOf: asOf ?? new Date().toISOString().slice(0, 10), knownOn });
}

function repeatedAddress(value: string, before: readonly string[] | undefined): readonly string[] {
  if (!value.includes("@")) throw new InvalidArgumentError("Write user@domain.");
  return repeated(value, before);
}

function printRoutes(routes: readonly RouteView[]): void {
  const rows = routes.map((route) => [
    route.name,
    `${route.kind} ${route.target}`,
    route.circuit === "closed" && route.gates.length > 0 ? "at a limit" : (states[route.circuit] ?? route.circuit),
    shortTime(route.since),
    `${route.active}/${route.concurrency}`,
    String(route.relayed),
    String(route.delayed),
    String(route.failed),
    route.reason ?? (route.gates[0] === undefined ? (route.lastReply ?? "") : explainGate(route.gates[0])),
  ]);
  printTable(["ROUTE", "LEADS TO", "STATE", "SINCE", "ACTIVE", "RELAYED", "DELAYED", "FAILED", "LAST WORDS"], rows);
}

function describe(route: RouteView): string[] {
  return [
    `${route.name}: ${route.kind} to ${route.target}`,
    `  ${states[route.circuit] ?? route.circuit} since ${shortTime(route.since)}${route.reason === undefined ? "" : `: ${cleanCell(route.reason)}`}${route.retryAt === undefined ? "" : `; next try ${shortTime(route.retryAt)}`}`,
    `  ${route.active} of ${route.concurrency} transactions under way`,
    `  since start: ${route.relayed} relayed, ${route.delayed} delayed, ${route.failed} failed, ${route.openings} times in trouble`,
    ...route.gates.map((gate) => `  at a limit: ${cleanCell(explainGate(gate))}`),
    ...(route.lastReply === undefined ? [] : [`  last reply: ${cleanCell(route.lastReply)}`]),
    ...(route.nextHops ?? []).map(
      ({ remote, trouble, restsUntil }) =>
        `  ${remote}: ${trouble === undefined ? "no trouble" : `${cleanCell(trouble)}${restsUntil === undefined ? "" : `; rests until ${shortTime(restsUntil)}`}`}`,
    ),
  ];
}
