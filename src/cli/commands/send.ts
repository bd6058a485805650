import { Option, type Command } from "commander";
import type { Door, DoorOptions } from "../send/door.ts";
import type { Letter, LetterOptions } from "../send/compose.ts";
import { CommandError, type ExitName } from "../exit-codes.ts";
import { printJson } from "../output.ts";
import { progressLine } from "../progress.ts";
import { repeated, withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions, LetterOptions, Omit<DoorOptions, "data"> {
  readonly count: number;
  readonly sessions: number;
}

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("[file]", "message file (.eml), or - for standard input; without it a message is composed")
    .option("--from <address>", "sender; the file's From field when absent")
    .option("--to <address>", "recipient; may be given more than once; the file's To, Cc and Bcc when absent", repeated)
    .option("--subject <text>", "subject of a composed message")
    .option("--text <text>", "its plain text")
    .option("--html <html>", "its HTML")
    .option("--attach <file>", "a file to attach; may be given more than once", repeated)
    .option("--count <n>", "send it so many times", wholeNumber(1, 10_000_000), 1)
    .option("--sessions <n>", "over so many connections", wholeNumber(1, 1000), 1)
    .addOption(new Option("--via <door>", "which listener takes it").choices(["relay", "submission", "submissions"]).default("relay"))
    .option("--user <name>", "principal to log in as (a demo knows its own)")
    .option("--password-env <name>", "environment variable that holds the password")
    .action(async (file: string | undefined, options: Options) => await send(file, options));
  withExamples(command, [
    ["postern send message.eml", "a file, to whom its header says"],
    ["postern send --from app@contoso.example --to bob@fabrikam.example --subject Hello --text Hi", "a composed message"],
    ["postern send --via submission message.eml", "with STARTTLS and log-in"],
    ["postern send --count 1000 --sessions 10 message.eml", "many, with a progress bar on a terminal"],
  ]);
  command.addHelpText("after", "\nPrints the id of each message; `postern trace ID` tells the rest.");
}

interface Sent {
  readonly id: string | null;
  readonly response: string;
  readonly rejected: readonly string[];
}

async function send(file: string | undefined, options: Options): Promise<void> {
  const [{ composeLetter, readLetter }, { findDoor }] = await Promise.all([import("../send/compose.ts"), import("../send/door.ts")]);
  const composed =
    options.subject !== undefined || options.text !== undefined || options.html !== undefined || options.attach !== undefined;
  if (file !== undefined && composed)
    throw new CommandError("usage", "a message file cannot be given a --subject, --text, --html or --attach");
  const door = await findDoor(options);
  const letter = file === undefined ? await composeLetter(options) : await readLetter(file, options);
  const failures: CommandError[] = [];
  const sent: Sent[] = [];
  using progress = progressLine("sent", options.count);
  await sendMany(door, letter, options, (result) => {
    if (result instanceof CommandError) {
      failures.push(result);
      // One fault of many must not scroll the others away.
      if (failures.length <= 5) progress.note(`postern: ${result.message}`);
    } else {
      sent.push(result);
      if (options.json !== true) progress.print(result.id ?? result.response);
      if (result.rejected.length > 0) {
        failures.push(new CommandError("data", `refused recipients: ${result.rejected.join(", ")}`));
        progress.note(`postern: refused recipients of ${result.id ?? "the message"}: ${result.rejected.join(", ")}`);
      }
    }
    progress.step();
  });
  if (options.json === true) printJson(sent);
  const [first] = failures;
  if (first !== undefined) {
    if (options.count > 1) process.stderr.write(`postern: ${failures.length} of ${options.count} were refused or failed\n`);
    process.exitCode = first.exitCode;
  }
}

async function sendMany(
  door: Door,
  letter: Letter,
  { count, sessions }: Options,
  done: (result: Sent | CommandError) => void,
): Promise<void> {
  const { createTransport } = await import("nodemailer");
  const transport = createTransport({
    pool: true,
    maxConnections: Math.min(sessions, count),
    maxMessages: Infinity,
    host: door.host,
    port: door.port,
    secure: door.implicitTls,
    ignoreTLS: !door.starttls,
    requireTLS: door.starttls,
    tls: { ...(door.ca === undefined ? {} : { ca: door.ca }), servername: "localhost" },
    ...(door.user === undefined || door.password === undefined ? {} : { auth: { user: door.user, pass: door.password } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    let next = 0;
    const worker = async () => {
      while (next < count) {
        next++;
        try {
          const { response, rejected } = await transport.sendMail({ raw: letter.raw, envelope: { from: letter.from, to: [...letter.to] } });
          done({ id: /queued as ([0-9A-Z]{11})\b/.exec(response)?.[1] ?? null, response, rejected: rejected.map(String) });
        } catch (error) {
          done(faultOf(error));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(sessions, count) }, worker));
  } finally {
    transport.close();
  }
}

function faultOf(error: unknown): CommandError {
  const { code, responseCode, response, message } = error as { code?: string; responseCode?: number; response?: string; message: string };
  const text = response ?? message;
  let exit: ExitName = "unavailable";
  if (code === "EAUTH") exit = "noPermission";
  else if (responseCode !== undefined) exit = responseCode >= 500 ? "data" : "tempFail";
  return new CommandError(exit, responseCode === undefined ? `the gateway cannot be reached: ${text}` : `refused: ${text}`, {
    cause: error,
  });
}
