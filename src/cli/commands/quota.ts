import type { Command } from "commander";
import type { ForeignView, ForgetView, QuotaHistoryView, QuotaView, ReputationView } from "../../admin/quota-contract.ts";
import { openControl, type Control } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { duration, withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";
import { cleanCell, printJson, printLines, printTable } from "../output.ts";
import { describeHistory, describeLimit, describeQuota } from "../quota/gauges.ts";
import { readInput } from "../read-input.ts";

interface QuotaOptions extends CommonOptions {
  readonly rule?: string;
  readonly route?: string;
  readonly counted?: string;
  readonly limit?: number;
  readonly history?: true;
  readonly watch?: number | true;
}

interface CorrectOptions extends CommonOptions {
  readonly counted?: string;
  readonly used?: number;
}

const watchMs = 2000;
/** So that a line of seven days is 56 characters. */
const historyEvery = "3h";
const maxInput = 65_536;

export default function define(command: Command): void {
  withJson(withData(command))
    .option("--rule <id>", "one limit, with all about it")
    .option("--route <name>", "only limits that count a route")
    .option("--counted <text>", "only what is counted for somebody whose name has this in it")
    .option("--limit <n>", "of limits that are counted for many, so many each", wholeNumber(1, 1000))
    .option("--history", "seven days, instead of now")
    .option("--watch [interval]", "again and again, until interrupted; every 2s unless said otherwise", duration)
    .action(async (options: QuotaOptions) => await show(options));
  withExamples(command, [
    ["postern quota", "every limit, the fullest first: what is used, left, and when it comes back"],
    ["postern quota --route tenant --watch", "those of one route, live"],
    ["postern quota --rule tenant.external-recipients", "one limit: where it stands, who uses it, what comes back when"],
    ["postern quota --rule tenant.received-per-hour --counted bob@", "one of many recipients"],
    ["postern quota --history", "the most of each three hours of the last seven days"],
    ["postern quota --json", "for programs"],
    ["postern quota import status.txt", "what Microsoft counts for the tenant, other senders included"],
    ["postern quota correct tenant.external-recipients", "forget what was believed of other senders"],
    ["postern quota reputation --days 30", "failure and complaint rates, to ask for a raise"],
  ]);
  const sub = (name: string, summary: string) => withJson(withData(command.command(name).description(summary).exitOverride()));
  const load = sub("import", "tell what Microsoft counts for the tenant, other senders included")
    .argument("<file>", "output of Get-LimitsEnforcementStatus | Format-List, or | ConvertTo-Json; - for standard input")
    .action(async (file: string, _: unknown, self: Command) => {
      const { data, json } = self.optsWithGlobals<CommonOptions>();
      const text = textOf(await readInput(file, maxInput));
      printForeign(await openControl(data).post<ForeignView>("/api/quota/foreign", { text }), json);
    });
  withExamples(load, [
    ["Get-LimitsEnforcementStatus | Format-List > status.txt", "in Exchange Online PowerShell"],
    ["postern quota import status.txt", "here"],
  ]);
  const correct = sub("correct", "forget what is believed of other senders, or say what was used in all")
    .argument("<rule>", "id of the limit")
    .option("--counted <text>", "for whom, exactly as it is listed; else all")
    .option("--used <n>", "the service says that so many were used in the window, by whomever", wholeNumber(0, 1_000_000_000_000))
    .action(async (rule: string, _: unknown, self: Command) => {
      const { data, json, counted, used } = self.optsWithGlobals<CorrectOptions>();
      const control = openControl(data);
      if (used !== undefined)
        return printForeign(await control.post<ForeignView>("/api/quota/foreign", { rule, observed: used, counted }), json);
      const answer = await control.delete<ForgetView>("/api/quota/foreign", { rule, counted });
      if (json === true) return printJson(answer);
      process.stdout.write(answer.counters === 0 ? "nothing was believed of other senders\n" : `forgotten of ${answer.counters}\n`);
      if (answer.counters === 0) process.exitCode = 1;
    });
  withExamples(correct, [
    ["postern quota correct tenant.external-recipients", "others have not used it after all; mail goes again"],
    ["postern quota correct tenant.external-recipients --used 3500", "the service's own count"],
  ]);
  sub("reputation", "failure and complaint rates of each From domain by each route")
    .option("--days <n>", "of so many days, 90 at most", wholeNumber(1, 90), 90)
    .action(async (_: unknown, self: Command) => {
      const { data, json, days } = self.optsWithGlobals<CommonOptions & { readonly days: number }>();
      const view = await openControl(data).get<ReputationView>("/api/reputation", { days });
      if (json === true) return printJson(view);
      printReputation(view);
    });
}

async function show(options: QuotaOptions): Promise<void> {
  const { data, json, history, watch, limit, route } = options;
  if (history === true && route !== undefined)
    throw new CommandError("usage", "--history is asked by --rule and --counted, not by --route");
  if (history === true && limit !== undefined && limit > 200) throw new CommandError("usage", "--history shows at most 200");
  const control = openControl(data);
  if (watch === undefined) return print(await look(control, options), json);
  const pause = watch === true ? watchMs : Math.max(100, watch);
  for (;;) {
    const seen = await look(control, options);
    // A screen is painted anew; a file gets one after the other.
    if (process.stdout.isTTY && json !== true) process.stdout.write("\u001b[H\u001b[2J\u001b[3J");
    print(seen, json);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

interface Seen {
  readonly view: QuotaView | QuotaHistoryView;
  readonly lines: readonly string[];
}

async function look(control: Control, { rule, route, counted, limit, history }: QuotaOptions): Promise<Seen> {
  if (history === true) {
    const view = await control.get<QuotaHistoryView>("/api/quota/history", { rule, counted, limit, every: historyEvery });
    return { view, lines: describeHistory(view) };
  }
  const view = await control.get<QuotaView>("/api/quota", { rule, route, counted, limit });
  const [one] = view.limits;
  return { view, lines: rule === undefined || one === undefined ? describeQuota(view) : describeLimit(one, view.now) };
}

function print({ view, lines }: Seen, json: true | undefined): void {
  if (json === true) printJson(view);
  else printLines(lines);
}

function printForeign(view: ForeignView, json: true | undefined): void {
  if (json === true) return printJson(view);
  const { rule, observed, amount, foreign, notes } = view;
  printLines([`${rule}: ${observed} of ${amount} used in all, ${foreign} of them by other senders`, ...notes].map(cleanCell));
}

function printReputation({ days, figures }: ReputationView): void {
  if (figures.length === 0) return void process.stdout.write(`Nothing was sent in ${days === 1 ? "a day" : `${days} days`}.\n`);
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  printTable(
    ["FROM DOMAIN", "ROUTE", "FIRST USE", "RELAYED", "FAILED", "RETURNED", "COMPLAINTS", "FAILURE RATE", "COMPLAINT RATE"],
    figures.map(({ domain, route, firstUse, relayed, failed, returned, complaints, failureRate, complaintRate }) => [
      domain === "*" ? "(others)" : domain,
      route,
      firstUse,
      ...[relayed, failed, returned, complaints].map(String),
      percent(failureRate),
      percent(complaintRate),
    ]),
  );
}

/** PowerShell's `>` writes UTF-16 with a mark; newer ones UTF-8. */
function textOf(content: Buffer): string {
  if (content[0] === 0xff && content[1] === 0xfe) return content.subarray(2).toString("utf16le");
  return content.toString("utf8").replace(/^\uFEFF/, "");
}
