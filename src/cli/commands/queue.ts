import { Option, type Command } from "commander";
import type { QueueChangeView, QueueListView, RouteView } from "../../admin/contract.ts";
import { explainGate } from "../../reports/explain-limit.ts";
import { openControl, type Query } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { printJson, printLines, printTable, shortTime } from "../output.ts";
import { defineMessagePins } from "../routes/pins.ts";
import { duration, withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";

interface Filter {
  readonly state?: string;
  readonly principal?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly olderThan?: number;
}

interface ListOptions extends CommonOptions, Filter {
  readonly count?: true;
  readonly limit: number;
}

interface ChangeOptions extends CommonOptions, Filter {
  readonly all?: true;
  readonly yes?: true;
}

const pageSize = 1000;
const waitingStates: ReadonlySet<string> = new Set(["queued", "leased", "inDoubt", "held"]);

export default function define(command: Command): void {
  withFilter(withJson(withData(command)))
    .option("--count", "print only the number of messages that wait")
    .option("--limit <n>", "list at most so many messages", wholeNumber(1, 1_000_000), 1000)
    .action(async (options: ListOptions) => await list(options));
  withExamples(command, [
    ["postern queue", "what waits, why, and until when"],
    ["postern queue --count", "one number"],
    ["postern queue --recipient @fabrikam.example --state held", "some of it"],
    ["postern queue retry --all", "attempt everything now"],
    ["postern queue pin 1P2X7A00000 --route hve", "one message by another route, from its next attempt on"],
    ["postern queue drop 1P2X7A00000 --yes", "give a message up; nobody is told"],
  ]);
  const actions = [
    ["hold", "keep messages from being attempted until released"],
    ["release", "let held messages go on"],
    ["retry", "attempt messages now instead of at their next attempt"],
    ["drop", "give messages up for good; nobody is told"],
  ] as const;
  for (const [action, summary] of actions) {
    const change = withFilter(withJson(withData(command.command(action).description(summary).exitOverride())))
      .argument("[msgid...]", "ids, or Message-IDs")
      .option("--all", "everything that waits")
      .option("--yes", "needed for drop: nothing asks back");
    change.action(async (ids: readonly string[], _options: unknown, self: Command) => await apply(action, ids, self.optsWithGlobals()));
    withExamples(change, [
      [`postern queue ${action} MSGID`, "one message"],
      [`postern queue ${action} --sender @contoso.example --older-than 2h${action === "drop" ? " --yes" : ""}`, "by a filter"],
    ]);
  }
  defineMessagePins((name, summary) => withJson(withData(command.command(name).description(summary).exitOverride())));
}

function withFilter(command: Command): Command {
  return command
    .addOption(new Option("--state <state>", "only recipients in this state").choices(["queued", "leased", "inDoubt", "held"]))
    .option("--principal <name>", "only what this principal or network (net:NAME) submitted")
    .option("--sender <pattern>", "only from user@domain, @domain, <>")
    .option("--recipient <pattern>", "only to user@domain, @domain")
    .option("--older-than <duration>", "only what came longer ago", duration);
}

function queryOf({ state, principal, sender, recipient, olderThan }: Filter): Query {
  return { state, principal, sender, recipient, ...(olderThan === undefined ? {} : { olderThan: `${olderThan}ms` }) };
}

async function list(options: ListOptions): Promise<void> {
  const control = openControl(options.data);
  const query = queryOf(options);
  if (options.count === true) {
    const { messages } = await control.get<{ messages: number }>("/api/queue/count", query);
    if (options.json === true) return printJson({ messages });
    process.stdout.write(`${messages}\n`);
    return;
  }
  const messages: QueueListView["messages"] = [];
  let after: string | undefined;
  do {
    const page: QueueListView = await control.get("/api/queue", {
      ...query,
      after,
      limit: Math.min(pageSize, options.limit - messages.length),
    });
    messages.push(...page.messages);
    after = page.next;
  } while (after !== undefined && messages.length < options.limit);
  if (options.json === true) return printJson(messages);
  if (messages.length === 0) return void process.stdout.write("Nothing waits.\n");
  const { routes } = await control.get<{ routes: readonly RouteView[] }>("/api/routes");
  const rows = messages.flatMap((message) =>
    // Those that are done with are told by `postern trace`.
    message.recipients
      .filter(({ state }) => waitingStates.has(state))
      .map((recipient, index) => [
        index === 0 ? message.id : "",
        index === 0 ? shortTime(message.receivedAt) : "",
        index === 0 ? message.from : "",
        recipient.address,
        recipient.state === "inDoubt" ? "in doubt" : recipient.state,
        String(recipient.attempts),
        recipient.state === "queued" ? shortTime(recipient.notBefore) : "",
        [recipient.status, recipient.reason].filter((part) => part !== undefined).join(" "),
      ]),
  );
  printTable(["ID", "RECEIVED", "FROM", "TO", "STATE", "TRIES", "NEXT", "REASON"], rows);
  printLines(routes.flatMap(({ name, gates }) => gates.map((gate) => `Route ${name}: ${explainGate(gate)}.`)));
  if (after !== undefined) process.stderr.write(`There are more: raise --limit.\n`);
}

async function apply(action: "hold" | "release" | "retry" | "drop", ids: readonly string[], options: ChangeOptions): Promise<void> {
  const filter = queryOf(options);
  const filtered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length === 0 && !filtered && options.all !== true)
    throw new CommandError("usage", `name messages, give a filter, or say --all (postern queue ${action} --help shows how)`);
  if (ids.length > 0 && options.all === true) throw new CommandError("usage", "either name messages or say --all, not both");
  if (action === "drop" && options.yes !== true)
    throw new CommandError("usage", "dropped messages are gone, and nobody is told: say --yes");
  const change = await openControl(options.data).post<QueueChangeView>(`/api/queue/${action}`, {
    ...(ids.length === 0 ? {} : { ids }),
    ...Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
    ...(options.all === true ? { all: true } : {}),
  });
  if (options.json === true) return printJson(change);
  const done = { hold: "held", release: "released", retry: "due now", drop: "dropped" }[action];
  process.stdout.write(`${change.recipients} ${change.recipients === 1 ? "recipient" : "recipients"} ${done}\n`);
  if (change.skipped > 0)
    process.stderr.write(`${change.skipped} recipients are being attempted right now and were left alone; try again.\n`);
  if (change.recipients === 0 && change.skipped > 0) process.exitCode = 75;
  else if (change.recipients === 0 && ids.length > 0) process.exitCode = 1;
}
