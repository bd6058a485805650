import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { once } from "node:events";

/** Longest wait for one reply: a bound for a test that would hang, not a delay. */
const patienceMs = 10_000;

/** A client that says exactly what a test wants, well-formed or not, and reads replies. */
export class SmtpDialog implements Disposable {
  socket: Socket;
  #received = "";
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#listen();
  }

  static async open(port: number, host = "127.0.0.1"): Promise<SmtpDialog> {
    const socket = connectTcp({ port, host, noDelay: true, allowHalfOpen: true });
    await once(socket, "connect");
    return new SmtpDialog(socket);
  }

  /** Implicit TLS, or a ClientHello on whatever port. */
  static async openTls(port: number, options: ConnectionOptions): Promise<SmtpDialog> {
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ...options });
    await once(socket, "secureConnect");
    return new SmtpDialog(socket);
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Sends a line and reads the reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** The next whole reply, lines joined by "\n"; "" when the server has closed. */
  async reply(): Promise<string> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#received);
      if (found !== null) {
        this.#received = this.#received.slice(found[0].length);
        return found[0].trimEnd().replaceAll("\r\n", "\n");
      }
      if (this.#ended) return "";
      await this.#more(deadline);
    }
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!this.#ended) await this.#more(deadline);
  }

  /** What was received and not read as a reply. */
  get rest(): string {
    return this.#received;
  }

  async startTls(options: ConnectionOptions): Promise<void> {
    this.socket.removeAllListeners();
    const secure = connectTls({ socket: this.socket, servername: "localhost", ...options });
    this.socket = secure;
    await once(secure, "secureConnect");
    this.#listen();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #listen(): void {
    this.socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    this.socket.on("end", end);
    this.socket.on("error", end);
    this.socket.on("close", end);
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no reply; received so far: ${JSON.stringify(this.#received)}`)),
        deadline - Date.now(),
      );
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}
