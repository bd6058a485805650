import { chmodSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/**
 * Dovecot's authentication protocol (version 1.1, doc "Authentication Protocol v1.1"), as much as Postfix needs to let one user log in: so
 * that a real Postfix asks for PLAIN and LOGIN without a Dovecot, and without a password file of the machine.
 */
export class DovecotAuth implements AsyncDisposable {
  readonly path: string;
  /** Mechanisms by which somebody has tried, in order. */
  readonly tried: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, user: string, password: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
      this.#serve(socket, (name, secret) => name === user && secret === password);
    });
  }

  static async start(path: string, user: string, password: string): Promise<DovecotAuth> {
    const auth = new DovecotAuth(path, user, password);
    auth.#server.listen(path);
    await once(auth.#server, "listening");
    // Postfix runs as another user.
    chmodSync(path, 0o666);
    return auth;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket, fits: (user: string, password: string) => boolean): void {
    const say = (...fields: readonly string[]) => socket.write(`${fields.join("\t")}\n`);
    say("VERSION", "1", "1");
    say("MECH", "PLAIN", "plaintext");
    say("MECH", "LOGIN", "plaintext");
    say("SPID", "1");
    say("CUID", "1");
    say("COOKIE", "0123456789abcdef0123456789abcdef");
    say("DONE");
    const users = new Map<string, string | null>();
    const conclude = (id: string, user: string, password: string) =>
      fits(user, password) ? say("OK", id, `user=${user}`) : say("FAIL", id, `user=${user}`);
    const onResponse = (id: string, text: string) => {
      const user = users.get(id);
      if (user === undefined) {
        const [, name = "", password = ""] = text.split("\0");
        conclude(id, name, password);
      } else if (user === null) {
        users.set(id, text);
        say("CONT", id, Buffer.from("Password:").toString("base64"));
      } else conclude(id, user, text);
    };
    let rest = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [command, id = "", ...fields] = line.split("\t");
        const decoded = (text: string) => Buffer.from(text, "base64").toString("utf8");
        if (command === "CONT") onResponse(id, decoded(fields[0] ?? ""));
        if (command !== "AUTH") continue;
        const [mechanism = ""] = fields;
        this.tried.push(mechanism);
        const initial = fields.find((field) => field.startsWith("resp="))?.slice("resp=".length);
        if (mechanism === "LOGIN") {
          users.set(id, null);
          if (initial === undefined) say("CONT", id, Buffer.from("Username:").toString("base64"));
          else onResponse(id, decoded(initial));
        } else if (initial === undefined) say("CONT", id, "");
        else onResponse(id, decoded(initial));
      }
    });
  }
}
