import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TLSSocket, type SecureContextOptions } from "node:tls";

/**
 * An SMTP server that says what a script tells it: one script for each connection, in their order; the last serves all further ones.
 *
 *     S: 220 here            sends a line (several `S:` in a row go out in one write)
 *     C: MAIL FROM:<*> *     waits for a line; `*` stands for anything
 *     C.                     waits for content up to the lone dot
 *     C# 12                  waits for that many bytes
 *     cut                    closes the connection hard
 *     close                  closes it properly
 *     hang                   says nothing more
 *     stop                   reads nothing more either
 *     dribble                from here on sends byte by byte
 *     tls                    becomes a TLS server (needs `tls`)
 *     flood TEXT             sends TEXT and a line end again and again until the client goes
 *     loop                   goes back to the line after `begin`, or to the start
 *
 * What does not fit the script is remembered: `check()` throws it.
 */
export class ScriptedSmtpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #scripts: readonly string[];
  readonly #tls: SecureContextOptions | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #faults: Error[] = [];
  /** All lines that clients sent, by connection. */
  readonly heard: string[][] = [];
  /** All contents received, stuffed as they came. */
  readonly contents: string[] = [];
  /** The chunks as they came, by connection: shows what was written together. */
  readonly chunks: string[][] = [];

  private constructor(scripts: readonly string[], tls: SecureContextOptions | undefined) {
    this.#scripts = scripts;
    this.#tls = tls;
    this.#server = createServer({ noDelay: true }, (socket) => void this.#serve(socket));
  }

  static async start(scripts: string | readonly string[], tls?: SecureContextOptions): Promise<ScriptedSmtpServer> {
    const server = new ScriptedSmtpServer(typeof scripts === "string" ? [scripts] : scripts, tls);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.heard.length;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Throws what did not go by the script. */
  check(): void {
    if (this.#faults.length > 0) throw new AggregateError(this.#faults, this.#faults.map((fault) => fault.message).join("; "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(socket: Socket): Promise<void> {
    const index = this.heard.push([]) - 1;
    this.chunks.push([]);
    const script = this.#scripts[Math.min(index, this.#scripts.length - 1)] ?? "";
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
    const reader = new Reader(socket, this.chunks[index] as string[]);
    try {
      await this.#play(parse(script), socket, reader, index);
    } catch (error) {
      if (!(error instanceof ClientGone)) this.#faults.push(error as Error);
      socket.destroy();
    }
  }

  async #play(steps: readonly string[], plain: Socket, first: Reader, index: number): Promise<void> {
    let socket = plain;
    let reader = first;
    let dribble = false;
    const heard = this.heard[index] as string[];
    for (let at = 0; at < steps.length; at++) {
      const step = steps[at] as string;
      if (step.startsWith("S:")) {
        let text = `${step.slice(3)}\r\n`;
        while (steps[at + 1]?.startsWith("S:") === true) text += `${(steps[++at] as string).slice(3)}\r\n`;
        if (!dribble) socket.write(text);
        else
          for (const byte of Buffer.from(text)) {
            socket.write(Buffer.of(byte));
            await new Promise((resolve) => setImmediate(resolve));
          }
      } else if (step === "C:" || step.startsWith("C: ")) {
        const line = Buffer.from(await reader.line(), "latin1").toString("utf8");
        heard.push(line);
        if (!pattern(step.slice(3)).test(line)) throw new Error(`connection ${index}: expected "${step.slice(3)}", got "${line}"`);
      } else if (step === "C.") this.contents.push(await reader.content());
      else if (step.startsWith("C# ")) this.contents.push(await reader.bytes(Number(step.slice(3))));
      else if (step === "cut") return void socket.resetAndDestroy();
      else if (step === "close") return void socket.end();
      else if (step === "hang") return void (await reader.gone());
      else if (step === "stop") {
        socket.pause();
        return void (await once(socket, "close"));
      } else if (step === "dribble") dribble = true;
      else if (step === "tls") {
        reader.stop();
        socket = new TLSSocket(plain, { isServer: true, ...this.#tls });
        socket.on("error", () => undefined);
        reader = new Reader(socket, this.chunks[index] as string[]);
      } else if (step.startsWith("flood ")) {
        while (!socket.destroyed) {
          if (!socket.write(`${step.slice(6)}\r\n`.repeat(100))) await Promise.race([once(socket, "drain"), once(socket, "close")]);
          else await new Promise((resolve) => setImmediate(resolve));
        }
        return;
      } else if (step === "loop") at = steps.lastIndexOf("begin", at);
      else if (step !== "begin") throw new Error(`the script has "${step}"`);
    }
    await reader.gone();
  }
}

class ClientGone extends Error {}

/** Bytes of a socket, waited for. */
class Reader {
  readonly #socket: Socket;
  #text = "";
  #gone = false;
  #wake: (() => void) | null = null;
  readonly #onData: (chunk: Buffer) => void;

  constructor(socket: Socket, chunks: string[]) {
    this.#socket = socket;
    this.#onData = (chunk) => {
      const text = chunk.toString("latin1");
      chunks.push(text);
      this.#text += text;
      this.#wake?.();
    };
    const onGone = () => {
      this.#gone = true;
      this.#wake?.();
    };
    socket.on("data", this.#onData).on("close", onGone).on("end", onGone);
  }

  stop(): void {
    this.#socket.removeListener("data", this.#onData);
  }

  line(): Promise<string> {
    return this.#take("\r\n");
  }

  async content(): Promise<string> {
    if (this.#text.startsWith(".\r\n") || (this.#text.length < 3 && (await this.#peek(3)) === ".\r\n")) return this.#cutOff(3).slice(3);
    return `${await this.#take("\r\n.\r\n")}\r\n`;
  }

  async bytes(count: number): Promise<string> {
    await this.#peek(count);
    return this.#cutOff(count);
  }

  async gone(): Promise<void> {
    while (!this.#gone) await this.#more();
  }

  async #take(end: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(end);
      if (at >= 0) return this.#cutOff(at + end.length).slice(0, -end.length);
      if (this.#gone) throw new ClientGone();
      await this.#more();
    }
  }

  async #peek(count: number): Promise<string> {
    while (this.#text.length < count) {
      if (this.#gone) throw new ClientGone();
      await this.#more();
    }
    return this.#text.slice(0, count);
  }

  #cutOff(count: number): string {
    const text = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return text;
  }

  #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}

function parse(script: string): string[] {
  return script
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function pattern(text: string): RegExp {
  return new RegExp(
    `^${text
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
    "i",
  );
}
