import { join } from "node:path";
import { postern, type Finished } from "./cli.ts";
import { startDemo, type Demo } from "./demo.ts";
import { runProgram } from "./run-program.ts";
import { SmtpDialog } from "./smtp-dialog.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

/** What the sandbox says of a message that it received. */
export interface Received {
  readonly id: string;
  readonly service: string;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly subject: string;
  readonly receivedAt: string;
}

/** `postern trace ID --json`, as far as tests look at it. */
export interface Trace {
  readonly id: string;
  readonly recipients: readonly { address: string; state: string; attempts: number; status?: string; code?: string; reason?: string }[];
  readonly attempts: readonly { route: string; results: readonly { recipient: string; state: string; text?: string }[] }[];
  readonly events: readonly { what: string; text?: string }[];
  readonly story: readonly string[];
}

/** A notification as Python's own email package reads it (read-report.py). */
export interface Report {
  readonly defects: readonly string[];
  readonly reportType: string;
  readonly header: Readonly<Record<string, string>>;
  readonly types: readonly string[];
  readonly text: string;
  readonly blocks: readonly (readonly (readonly [string, string])[])[];
  readonly returnedSubject: string;
  readonly returnedBody: string | null;
}

/** A running demo with what tests ask of it: its command line, its sandbox, dialogues with its doors. */
export class DemoWorld implements AsyncDisposable {
  readonly #folder: ReturnType<typeof temporaryFolder>;
  readonly demo: Demo;
  readonly data: string;
  #env: Readonly<Record<string, string>>;

  private constructor(folder: ReturnType<typeof temporaryFolder>, demo: Demo, data: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.demo = demo;
    this.data = data;
    this.#env = env;
  }

  static async open(): Promise<DemoWorld> {
    const folder = temporaryFolder();
    const data = join(folder.path, "data");
    const demo = await startDemo(data);
    const { stdout } = await postern(["env", "--json", "--data", data]);
    return new DemoWorld(folder, demo, data, JSON.parse(stdout) as Record<string, string>);
  }

  /** A path for a file of the test; gone with the world. */
  file(name: string): string {
    return join(this.#folder.path, name);
  }

  /** A value of `postern env`. */
  env(name: string): string {
    const value = this.#env[name];
    if (value === undefined) throw new Error(`postern env does not tell ${name}`);
    return value;
  }

  port(name: string): number {
    return Number(this.env(name).split(":").at(-1));
  }

  run(...args: readonly string[]): Promise<Finished> {
    return postern([...args, "--data", this.data]);
  }

  /** The JSON that a command prints. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, "--json");
    if (code !== 0) throw new Error(`postern ${args.join(" ")}: ${code} ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  trace(id: string): Promise<Trace> {
    return this.json<Trace>("trace", id);
  }

  async waiting(): Promise<number> {
    return Number((await this.run("queue", "--count")).stdout);
  }

  /** A request to the sandbox's control API. */
  async sandbox<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.env("SANDBOX_UI")}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  advance(time: string): Promise<unknown> {
    return this.sandbox("POST", "/api/clock", { advance: time });
  }

  received(to: string): Promise<readonly Received[]> {
    return this.sandbox("GET", `/api/messages?to=${encodeURIComponent(to)}`);
  }

  /** The newest message for `to` once it is there; `subject` picks among several. */
  arrived(to: string, subject?: string): Promise<Received> {
    return until(`a message for ${to}${subject === undefined ? "" : ` with subject ${subject}`}`, async () =>
      (await this.received(to)).find((each) => subject === undefined || each.subject === subject),
    );
  }

  /** Byte for byte as it came to the sandbox. */
  async content({ id }: Received): Promise<Buffer> {
    const response = await fetch(`${this.env("SANDBOX_UI")}/api/messages/${id}/raw`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** The notification of that subject in somebody's mailbox, read by Python. */
  async report(to: string, subject: string): Promise<Report> {
    const content = await this.content(await this.arrived(to, subject));
    const { code, stdout, stderr } = await runProgram("python3", [join(import.meta.dirname, "read-report.py")], { input: content });
    if (code !== 0) throw new Error(`not a notification: ${stderr}\n${content.toString("latin1")}`);
    return JSON.parse(stdout) as Report;
  }

  /** Says one message to the relay listener word by word; `parameters` go behind MAIL, or behind a recipient with a space. */
  async submit({
    from = "app@contoso.example",
    to,
    content,
    parameters = "",
  }: {
    from?: string;
    to: readonly string[];
    content: string | Buffer;
    parameters?: string;
  }): Promise<string> {
    using dialog = await SmtpDialog.open(this.port("GATEWAY_SMTP"));
    await dialog.reply();
    await dialog.say("EHLO test.contoso.example");
    const commands = [`MAIL FROM:<${from}>${parameters === "" ? "" : ` ${parameters}`}`];
    for (const each of to) {
      const [address = "", ...options] = each.split(" ");
      commands.push(["RCPT TO:<", address, ">", ...options.map((option) => ` ${option}`)].join(""));
    }
    for (const command of commands) {
      const reply = await dialog.say(command);
      if (!reply.startsWith("250 ")) throw new Error(`${command}: ${reply}`);
    }
    const text = (Buffer.isBuffer(content) ? content : Buffer.from(content)).toString("latin1").replace(/^\./gm, "..");
    await dialog.say("DATA");
    dialog.send(Buffer.from(`${text}.\r\n`, "latin1"));
    const reply = await dialog.reply();
    const id = /^250 2\.0\.0 Ok: queued as ([0-9A-Z]{11})$/.exec(reply)?.[1];
    if (id === undefined) throw new Error(reply);
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.demo[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
