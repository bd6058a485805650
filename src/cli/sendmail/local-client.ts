import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { socketPath } from "../../lib/unix-socket.ts";
import type { Envelope } from "../../mail/envelope.ts";
import { replyText, type Reply } from "../../mail/reply.ts";
import { parseCapabilities, type Capabilities } from "../../wire/smtp/client/capabilities.ts";
import { formatMail, formatRcpt, isAscii, isSafePath } from "../../wire/smtp/client/commands.ts";
import { DotStuffer } from "../../wire/smtp/client/dot-stuffing.ts";
import { ReplyParser } from "../../wire/smtp/client/reply-parser.ts";
import { CommandError, type ExitName } from "../exit-codes.ts";

/** Longest wait for the gateway to answer. RFC 5321 §4.5.3.2.6: ten minutes for the end of the content. */
const patienceMs = 10 * 60_000;

/** Opens the gateway's socket. @throws CommandError that a calling program can act on: 75 is "later". */
export async function openLocalSocket(path: string): Promise<Socket> {
  using short = socketPath(path);
  const socket = connect({ path: short.path, allowHalfOpen: true });
  try {
    await once(socket, "connect");
    return socket;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM")
      throw new CommandError("noPermission", `sendmail: this user may not send: ${path} is for members of its group`, { cause: error });
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR")
      throw new CommandError(
        "tempFail",
        `sendmail: the gateway does not run (nothing listens at ${path}); nothing was sent, try again later`,
        {
          cause: error,
        },
      );
    throw new CommandError("tempFail", `sendmail: the gateway cannot be reached at ${path}: ${message}; nothing was sent`, {
      cause: error,
    });
  }
}

/** One letter to the gateway, for all recipients or for none of them. */
export class LocalClient {
  readonly #socket: Socket;
  readonly #parser = new ReplyParser();
  readonly #input: AsyncIterator<Buffer>;
  #offered: Capabilities | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(patienceMs, () => socket.destroy(new Error("no answer")));
    // A fault of the connection shows at the next read.
    socket.on("error", () => undefined);
    this.#input = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** @param name what the trace shows as who came. Gives the domain for names without one. */
  async greet(name: string): Promise<string> {
    expect(await this.#read(), "greeting", "tempFail");
    const reply = await this.#ask(`EHLO ${name}`);
    expect(reply, "EHLO", "tempFail");
    this.#offered = parseCapabilities(reply);
    return this.#offered.name;
  }

  /** @throws CommandError; nothing was sent then to anybody. Gives the gateway's answer. */
  async send(envelope: Envelope, content: AsyncIterable<Uint8Array>): Promise<string> {
    const offered = this.#offered;
    if (offered === null) throw new Error("greet first");
    const paths = [envelope.reversePath ?? "", ...envelope.recipients.map(({ address }) => address)];
    const unsafe = paths.find((path) => !isSafePath(path));
    if (unsafe !== undefined) throw new CommandError("data", `sendmail: ${JSON.stringify(unsafe)} is no address`);
    const smtputf8 = !paths.every(isAscii);
    // Its size is not known yet: it is still being written.
    const mail = formatMail(envelope, { size: 0, eightBit: true, smtputf8 }, { ...offered, size: false });
    expect(await this.#ask(mail), `sender <${envelope.reversePath ?? ""}>`, "data");
    for (const recipient of envelope.recipients)
      expect(await this.#ask(formatRcpt(recipient, offered)), `<${recipient.address}>`, "noUser");
    const begin = await this.#ask("DATA");
    if (begin.code !== 354) expect({ ...begin, code: begin.code < 400 ? 451 : begin.code }, "DATA", "data");
    // A gateway that has had enough says so in mid-letter and closes: that must not look like a broken connection, which is tried again.
    const answer = this.#read();
    let answered = false;
    const done = answer.then(
      () => void (answered = true),
      () => void (answered = true),
    );
    const stuffer = new DotStuffer();
    for await (const piece of content) {
      const out: Uint8Array[] = [];
      stuffer.stuff(piece, out);
      for (const each of out) if (!answered && !this.#socket.write(each)) await Promise.race([this.#drained(), done]);
      if (answered) break;
    }
    const early = answered;
    if (!early) this.#socket.write(stuffer.end());
    const reply = await answer;
    if (early && reply.code < 400) throw broken();
    expect(reply, "the message", "data");
    return replyText(reply);
  }

  async quit(): Promise<void> {
    await this.#ask("QUIT").catch(() => undefined);
    this.close();
  }

  close(): void {
    this.#socket.destroy();
  }

  async #drained(): Promise<void> {
    await once(this.#socket, "drain").catch(() => undefined);
  }

  #ask(line: string): Promise<Reply> {
    this.#socket.write(`${line}\r\n`);
    return this.#read();
  }

  async #read(): Promise<Reply> {
    try {
      for (;;) {
        const reply = this.#parser.next();
        if (reply !== null) return reply;
        const { done, value } = await this.#input.next();
        if (done === true) throw broken();
        this.#parser.push(value);
      }
    } catch (error) {
      throw error instanceof CommandError ? error : broken(error);
    }
  }
}

function broken(cause?: unknown): CommandError {
  return new CommandError("tempFail", "sendmail: the connection to the gateway broke before it said that it has the message: try again", {
    cause,
  });
}

/** @param forGood what a refusal for good means when its status does not say it */
function expect(reply: Reply, what: string, forGood: ExitName): void {
  if (reply.code < 400) return;
  throw new CommandError(exitFor(reply, forGood), `sendmail: ${what} was refused, nothing was sent: ${replyText(reply)}`);
}

/** sysexits.h by the enhanced status (RFC 3463): who calls sendmail acts on it. */
function exitFor(reply: Reply, forGood: ExitName): ExitName {
  if (reply.code < 500) return "tempFail";
  const [, subject = "", detail = ""] = /^5\.(\d{1,3})\.(\d{1,3})\b/.exec(reply.lines[0] ?? "") ?? [];
  if (subject === "7") return "noPermission";
  if (subject === "1") return detail === "7" || detail === "8" ? "data" : "noUser";
  if (subject === "4") return "unavailable";
  return forGood;
}
