import { InvalidArgumentError, Option, type Command } from "commander";
import type { ForecastBody, ForecastLine, ForecastView } from "../../admin/forecast-contract.ts";
import { isDay } from "../../lib/days.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { readList } from "../forecast/read-list.ts";
import { size, withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";
import { cleanCell, printJson, printLines } from "../output.ts";
import { readInput } from "../read-input.ts";

interface ForecastOptions extends CommonOptions {
  readonly internal?: number;
  readonly external?: number;
  readonly list?: string;
  readonly from?: string;
  readonly principal?: string;
  readonly priority: "bulk" | "transactional";
  readonly size: number;
  readonly perMessage: number;
  readonly asOf?: string;
  readonly faster: boolean;
}

const maxRecipients = 10_000_000;
const maxListBytes = 512 * 1024 * 1024;

export default function define(command: Command): void {
  const number = wholeNumber(0, maxRecipients);
  withJson(withData(command))
    .option("--internal <n>", "recipients in accepted domains", number)
    .option("--external <n>", "recipients elsewhere", number)
    .option("--list <file>", "recipients, one address a line or CSV; - for standard input")
    .option("--from <address>", "reverse-path and From; <> for the null one; default: one that the principal may use")
    .option("--principal <name>", "who submits; a network is net:NAME; default: the first of the configuration")
    .addOption(new Option("--priority <priority>", "as which it is sent").choices(["bulk", "transactional"]).default("bulk"))
    .option("--size <size>", "size of a message", size, 65_536)
    .option("--per-message <n>", "recipients that share a message", wholeNumber(1, 10_000), 1)
    .option("--as-of <time>", "when it is handed over: a day, or ISO 8601; default: now", aTime)
    .option("--no-faster", "do not try what would make it faster")
    .action(async (options: ForecastOptions) => await forecast(options));
  withExamples(command, [
    ["postern forecast --internal 20000 --external 5000 --size 80k", "when the last one will be out, by which routes, and what it costs"],
    ["postern forecast --list customers.csv --from news@contoso.example --principal newsletter", "for a list, as somebody's mail"],
    ["postern forecast --external 500 --priority transactional", "urgent mail, beside what waits already"],
    ["postern forecast --external 50000 --as-of 2027-01-15", "handed over on a day, by the rules of that day"],
    ["postern forecast --internal 5000 --json", "for programs"],
  ]);
}

async function forecast({ data, json, list, ...options }: ForecastOptions): Promise<void> {
  const view = await ask(data, { ...(await recipientsOf(list, options)), ...questionOf(options) });
  if (json === true) printJson(view);
  else printLines(view.text.map(cleanCell));
  if (view.left > 0) process.exitCode = 1;
}

async function recipientsOf(
  list: string | undefined,
  { internal, external }: Pick<ForecastOptions, "internal" | "external">,
): Promise<Pick<ForecastBody, "to" | "internal" | "external">> {
  const counts = { ...(internal === undefined ? {} : { internal }), ...(external === undefined ? {} : { external }) };
  if (list === undefined) {
    if ((internal ?? 0) + (external ?? 0) === 0) throw new CommandError("usage", "say for how many: --internal, --external or --list");
    return counts;
  }
  const { to, count, skipped } = readList(Buffer.from(await readInput(list, maxListBytes)).toString("utf8"));
  if (count > maxRecipients) throw new CommandError("usage", `the list has ${count} addresses; ${maxRecipients} at most`);
  if (skipped > 0) process.stderr.write(`${skipped} ${skipped === 1 ? "line of the list has" : "lines of the list have"} no address\n`);
  return { ...counts, to: [...to] };
}

function questionOf({
  from,
  principal,
  priority,
  size: bytes,
  perMessage,
  asOf,
  faster,
}: Omit<ForecastOptions, "data" | "json" | "list">): ForecastBody {
  return {
    priority,
    size: bytes,
    perMessage,
    faster,
    ...(from === undefined ? {} : { from }),
    ...(principal === undefined ? {} : { principal }),
    ...(asOf === undefined ? {} : { asOf }),
  };
}

async function ask(data: string, body: ForecastBody): Promise<ForecastView> {
  let view: ForecastLine["forecast"];
  let failed: ForecastLine["error"];
  const isShown = process.stderr.isTTY;
  await openControl(data).stream("/api/forecast", { ...body, progress: true }, (line) => {
    const { progress, forecast: done, error } = line as ForecastLine;
    if (progress !== undefined && isShown) process.stderr.write(`\r${Math.round(progress * 100)} %\u001b[K`);
    view = done ?? view;
    failed = error ?? failed;
  });
  if (isShown) process.stderr.write("\r\u001b[K");
  if (failed !== undefined)
    throw new CommandError(failed.code === "invalid" ? "usage" : failed.code === "busy" ? "tempFail" : "software", failed.message);
  if (view === undefined) throw new CommandError("io", "the gateway ended before the forecast was complete");
  return view;
}

function aTime(text: string): string {
  if (isDay(text) || (/^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text)))) return text;
  throw new InvalidArgumentError("Write a day or a time: 2027-01-15, 2027-01-15T08:00:00Z.");
}
