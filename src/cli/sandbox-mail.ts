import type { Command } from "commander";
import { CommandError } from "./exit-codes.ts";
import { withData, withExamples, withJson, wholeNumber, type CommonOptions } from "./options.ts";
import { printJson, printTable, shortTime } from "./output.ts";
import { readSandboxValues } from "./sandbox-values.ts";

interface ListOptions extends CommonOptions {
  readonly to?: string;
  readonly from?: string;
  readonly service?: string;
  readonly limit: number;
}

/** What the sandbox's control API tells of a message. */
interface SandboxMessage {
  readonly id: string;
  readonly service: string;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly subject: string;
  readonly receivedAt: string;
}

const answerTimeoutMs = 10_000;

/** `postern sandbox messages` and `postern sandbox message ID`: what arrived on the other side. */
export function addSandboxMail(sandbox: Command): void {
  const messages = sandbox
    .command("messages")
    .description("list the mail that the running sandbox received, newest first")
    .option("--to <address>", "only to this address or domain")
    .option("--from <address>", "only from this address or domain; <> for notifications")
    .option("--service <name>", "only by this service, such as tenant-mx")
    .option("--limit <n>", "at most so many", wholeNumber(1, 100_000), 50)
    .action(async (_options: unknown, self: Command) => await list(self.optsWithGlobals()));
  withJson(withData(messages));
  withExamples(messages, [["postern sandbox messages --to adele@contoso.example", "has it arrived?"]]);
  const message = sandbox
    .command("message")
    .description("print one message as it was received")
    .argument("<id>", "id from the list")
    .action(async (id: string, _options: unknown, self: Command) => await show(id, self.optsWithGlobals()));
  withData(message);
  withExamples(message, [["postern sandbox message 06XXZJAZR00 > mail.eml", "header and body, every byte"]]);
}

async function list({ data, json, to, from, service, limit }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ to, from, service })) if (value !== undefined) query.set(name, value);
  const answer = await ask(data, `/api/messages?${query.toString()}`);
  const messages = (await answer.json()) as readonly SandboxMessage[];
  if (json === true) return printJson(messages);
  if (messages.length === 0) {
    process.stdout.write("Nothing arrived.\n");
    process.exitCode = 1;
    return;
  }
  printTable(
    ["ID", "RECEIVED", "SERVICE", "FROM", "TO", "SUBJECT"],
    messages.map(({ id, receivedAt, service: by, mailFrom, rcptTo, subject }) => [
      id,
      shortTime(receivedAt),
      by,
      mailFrom === "" ? "<>" : mailFrom,
      rcptTo.join(", "),
      subject,
    ]),
  );
}

async function show(id: string, { data }: CommonOptions): Promise<void> {
  const answer = await ask(data, `/api/messages/${encodeURIComponent(id)}/raw`);
  process.stdout.write(Buffer.from(await answer.arrayBuffer()));
}

async function ask(data: string, path: string): Promise<Response> {
  const base = readSandboxValues(data)?.["SANDBOX_UI"];
  if (base === undefined)
    throw new CommandError("unavailable", `no sandbox runs in ${data}: start it, or name the right directory with --data`);
  let answer: Response;
  try {
    answer = await fetch(new URL(path, base), { signal: AbortSignal.timeout(answerTimeoutMs) });
  } catch (error) {
    throw new CommandError("unavailable", `the sandbox at ${base} does not answer`, { cause: error });
  }
  if (answer.status === 404) throw new CommandError("noInput", `the sandbox has no such message`);
  if (!answer.ok) throw new CommandError("usage", `the sandbox refused: ${await answer.text()}`);
  return answer;
}
