/**
 * `postern sendmail`, in the place of /usr/sbin/sendmail: a letter from standard input to the gateway's Unix socket, by SMTP.
 *
 * All or nothing: when the gateway refuses one recipient, nobody gets the letter, so that the exit code has one meaning. Exit 0 is said when the gateway
 * has the message on stable storage. There is no spool of its own: without the gateway it exits 75 and the caller keeps the letter
 * (docs/decisions/0010). Everything here runs as the user who calls it; the gateway believes none of it.
 */
import { userInfo } from "node:os";
import { pipeline } from "node:stream/promises";
import { defaultLocalSocket } from "../../ingress/smtp/local-options.ts";
import { encodeWords } from "../../wire/mime/encoded-words.ts";
import { LetterFault, readLetterHead, readMailboxList, type LetterHead } from "../../wire/mime/letter-head.ts";
import { isAscii } from "../../wire/smtp/client/commands.ts";
import { LetterReader } from "../../wire/mime/letter-reader.ts";
import { CommandError } from "../exit-codes.ts";
import { LocalClient, openLocalSocket } from "./local-client.ts";
import { readSendmailArguments, type SendmailCall } from "./sendmail-arguments.ts";
import { untilDot } from "./until-dot.ts";

export async function runSendmail(words: readonly string[]): Promise<void> {
  const call = readSendmailArguments(words);
  const path = call.socket ?? process.env["POSTERN_SENDMAIL_SOCKET"] ?? defaultLocalSocket;
  switch (call.mode) {
    case "nothing":
      return;
    case "smtp":
      return await passThrough(path);
    case "list-queue":
      return await listQueue(call);
    case "deliver":
      return await deliver(call, path);
  }
}

async function deliver(call: SendmailCall, path: string): Promise<void> {
  if (call.recipients.length === 0 && !call.readRecipients)
    throw new CommandError("usage", "sendmail: name recipients, or let them be read from the header with -t");
  const client = new LocalClient(await openLocalSocket(path));
  try {
    const user = userName();
    const domain = await client.greet(user);
    const reader = new LetterReader();
    const input: AsyncIterator<Buffer> = (call.dotsAreContent ? process.stdin : untilDot(process.stdin))[Symbol.asyncIterator]();
    const begun = await readHead(reader, input);
    const head = readLetterHead(reader.head ?? "", { domain, readRecipients: call.readRecipients, xFields: false });
    const sender = senderOf(call.sender, user, domain);
    // With -t, recipients of the command line are added, as Postfix does it.
    const recipients = [...new Set([...call.recipients.flatMap((list) => readMailboxList(list, domain)), ...head.recipients])];
    if (recipients.length === 0) throw new CommandError("usage", "sendmail: the header names no recipients");
    const { notify, ret, envid } = call;
    const envelope = {
      reversePath: sender,
      recipients: recipients.map((address) => ({ address, ...(notify !== undefined && { notify }) })),
      ...(ret !== undefined && { ret }),
      ...(envid !== undefined && { envid }),
    };
    await client.send(envelope, letter(head, call.fullName, sender, begun, reader, input));
    await client.quit();
  } catch (error) {
    if (error instanceof LetterFault) throw new CommandError("data", `sendmail: ${error.message}`, { cause: error });
    throw error;
  } finally {
    client.close();
    // Whoever still writes to us learns it by a broken pipe; we need not wait for the rest.
    process.stdin.destroy();
  }
}

/** Reads until the header section is whole; gives what came of the body with it. */
async function readHead(reader: LetterReader, input: AsyncIterator<Buffer>): Promise<readonly Buffer[]> {
  while (reader.head === null) {
    const { done, value } = await input.next();
    if (done === true) return reader.end();
    const pieces = reader.push(value);
    if (reader.head !== null) return pieces;
  }
  return [];
}

async function* letter(
  head: LetterHead,
  fullName: string | undefined,
  sender: string | null,
  begun: readonly Buffer[],
  reader: LetterReader,
  input: AsyncIterator<Buffer>,
): AsyncGenerator<Uint8Array> {
  const from = fullName === undefined || head.hasFrom || sender === null ? "" : `From: ${displayName(fullName)} <${sender}>\r\n`;
  yield Buffer.concat([Buffer.from(from, "utf8"), Buffer.from(`${head.text}\r\n`, "latin1")]);
  yield* begun;
  for (;;) {
    const { done, value } = await input.next();
    if (done === true) break;
    yield* reader.push(value);
  }
  yield* reader.end();
}

/** RFC 5322 §3.4: a quoted string, unless the name needs an encoded word (RFC 2047). */
function displayName(name: string): string {
  const clean = name
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 200);
  return isAscii(clean) ? `"${clean.replace(/["\\]/g, "\\$&")}"` : encodeWords(clean);
}

function senderOf(given: string | undefined, user: string, domain: string): string | null {
  const text = (given ?? user).trim();
  if (text === "" || text === "<>") return null;
  const [sender, other] = readMailboxList(text, domain);
  if (sender === undefined || other !== undefined) throw new LetterFault("-f needs one address");
  return sender;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry, as in a container.
    return `uid${process.getuid?.() ?? ""}`;
  }
}

/** -bs: the caller speaks SMTP itself. */
async function passThrough(path: string): Promise<void> {
  const socket = await openLocalSocket(path).catch((error: unknown) => {
    // RFC 5321 §3.8: a client that waits for a greeting gets one that it understands.
    process.stdout.write("421 4.3.2 the gateway does not run, try again later\r\n");
    throw error;
  });
  const up = pipeline(process.stdin, socket).catch(() => undefined);
  try {
    for await (const piece of socket) process.stdout.write(piece as Buffer);
  } catch (error) {
    throw new CommandError("tempFail", "sendmail: the connection to the gateway broke", { cause: error });
  }
  // The gateway has said its last word; whoever calls need not close first.
  process.stdin.destroy();
  await up;
}

/** -bp, mailq: for who may operate the gateway. */
async function listQueue({ data }: SendmailCall): Promise<void> {
  const { buildProgram } = await import("../program.ts");
  const argv = ["node", "postern", "queue", ...(data === undefined ? [] : ["--data", data])];
  await (await buildProgram(argv)).parseAsync(argv);
}
