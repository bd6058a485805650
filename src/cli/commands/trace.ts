import type { Command } from "commander";
import type { FindView, TraceView } from "../../admin/contract.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { cleanCell, printJson, printLines, printTable, shortTime } from "../output.ts";
import { withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions {
  readonly from?: string;
  readonly to?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
}

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("[msgid]", "id as in our 250, or the Message-ID")
    .option("--from <pattern>", "list mail from user@domain or @domain")
    .option("--to <pattern>", "list mail to user@domain or @domain")
    .option("--since <time>", "list mail since then: 2h, 3d, or an ISO time")
    .option("--until <time>", "list mail until then")
    .option("--limit <n>", "list at most so many", wholeNumber(1, 1000), 50)
    .action(async (id: string | undefined, options: Options) => await trace(id, options));
  withExamples(command, [
    ["postern trace MSGID", "how it came, every attempt, and where each recipient stands"],
    ["postern trace --to bob@fabrikam.example --since 2h", "find the message first"],
    ["postern trace", "the newest messages"],
  ]);
}

async function trace(id: string | undefined, { data, json, from, to, since, until, limit }: Options): Promise<void> {
  const control = openControl(data);
  if (id !== undefined) {
    if (from !== undefined || to !== undefined) throw new CommandError("usage", "give either a message or --from/--to, not both");
    const view = await control.get<TraceView>(`/api/messages/${encodeURIComponent(id)}`);
    if (json === true) return printJson(view);
    return printLines(view.story.map(cleanCell));
  }
  const { messages } = await control.get<FindView>("/api/messages", { from, to, since, until, limit });
  if (json === true) return printJson(messages);
  if (messages.length === 0) {
    process.stdout.write("Nothing found.\n");
    process.exitCode = 1;
    return;
  }
  const rows = messages.map((message) => [
    message.id,
    shortTime(message.receivedAt),
    message.from,
    Object.entries(message.states)
      .map(([state, count]) => `${count} ${state === "inDoubt" ? "in doubt" : state}`)
      .join(", "),
    message.subject,
  ]);
  printTable(["ID", "RECEIVED", "FROM", "RECIPIENTS", "SUBJECT"], rows);
}
