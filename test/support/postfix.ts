import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:net";
import { programPath } from "./programs.ts";
import { until } from "./until.ts";

/** What a test wants of its Postfix; `main` is put on top of the settings that keep it to its own folder. */
export interface PostfixOptions {
  /** Made when it is missing; everything of this instance lies here. */
  readonly folder: string;
  readonly hostname: string;
  readonly port: number;
  readonly main: Readonly<Record<string, string>>;
}

/** `skip:` of a test that starts Postfix: false when it can, else the reason; in CI it must. */
export function skipUnlessPostfix(): string | false {
  const reason =
    programPath("postfix") === null
      ? "not installed: postfix"
      : process.getuid?.() !== 0
        ? "Postfix is started by root only"
        : !existsSync("/usr/share/postfix/master.cf.dist")
          ? "this Postfix is not laid out as Debian's"
          : globSync("/usr/lib/*/sasl2/libplain.so*").length === 0
            ? "without libsasl2-modules Postfix cannot log in"
            : false;
  if (reason !== false && process.env["CI"] === "true") throw new Error(reason);
  return reason;
}

/** A Postfix with configuration, spool, ports and log of its own; the system's instance is not touched. */
export class Postfix implements AsyncDisposable {
  readonly #options: PostfixOptions;
  readonly port: number;
  /** Where `virtual` delivers: one maildir for each name in `virtual_mailbox_maps`. */
  readonly mail: string;

  private constructor(options: PostfixOptions) {
    this.#options = options;
    this.port = options.port;
    this.mail = join(options.folder, "mail");
  }

  static async start(options: PostfixOptions): Promise<Postfix> {
    const postfix = new Postfix(options);
    postfix.#configure();
    await postfix.start();
    return postfix;
  }

  /** Its own user and group, whom files for `virtual` must belong to. */
  static user(): { readonly uid: number; readonly gid: number } {
    const [uid = 0, gid = 0] = ["-u", "-g"].map((option) => Number(execFileSync("id", [option, "postfix"], { encoding: "utf8" })));
    return { uid, gid };
  }

  /** Everything that its programs logged. */
  log(): string {
    return readFileSync(join(this.#options.folder, "log"), "utf8");
  }

  /** The messages of a maildir, each as it was written. */
  delivered(maildir: string): readonly Buffer[] {
    const folder = join(this.mail, maildir, "new");
    return existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name))) : [];
  }

  async start(): Promise<void> {
    await this.#command("start");
    await until("Postfix listens", () => listens(this.port), { everyMs: 50 });
  }

  async stop(): Promise<void> {
    await this.#command("stop");
    await until("Postfix is gone", async () => !(await listens(this.port)), { everyMs: 50 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await listens(this.port)) await this.stop();
  }

  async #command(word: string): Promise<void> {
    const child = spawn(programPath("postfix") ?? "postfix", ["-c", join(this.#options.folder, "etc"), word], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`postfix ${word}: ${code} ${errors}`);
  }

  #configure(): void {
    const { folder, hostname, port, main } = this.#options;
    const [etc, spool, data] = [join(folder, "etc"), join(folder, "spool"), join(folder, "state")];
    for (const path of [folder, etc, spool, data, this.mail]) mkdirSync(path, { recursive: true });
    // Its programs run as another user and must be able to enter.
    chmodSync(folder, 0o755);
    const { uid, gid } = Postfix.user();
    for (const path of [data, this.mail]) chownSync(path, uid, gid);
    for (const name of ["dynamicmaps.cf", "postfix-files"])
      if (existsSync(`/etc/postfix/${name}`)) copyFileSync(`/etc/postfix/${name}`, join(etc, name));
    const settings: Readonly<Record<string, string>> = {
      compatibility_level: "3.6",
      queue_directory: spool,
      data_directory: data,
      mail_owner: "postfix",
      setgid_group: "postdrop",
      myhostname: hostname,
      mydestination: "",
      inet_interfaces: "127.0.0.1",
      inet_protocols: "ipv4",
      mynetworks: "127.0.0.0/8",
      smtp_host_lookup: "native",
      alias_maps: "",
      alias_database: "",
      maillog_file: join(folder, "log"),
      maillog_file_prefixes: folder,
      message_size_limit: "52428800",
      virtual_mailbox_base: this.mail,
      virtual_uid_maps: `static:${uid}`,
      virtual_gid_maps: `static:${gid}`,
      virtual_mailbox_limit: "0",
      ...main,
    };
    writeFileSync(
      join(etc, "main.cf"),
      Object.entries(settings)
        .map(([name, value]) => `${name} = ${value}\n`)
        .join(""),
    );
    const master = readFileSync("/usr/share/postfix/master.cf.dist", "utf8")
      .split("\n")
      .map((line) => {
        if (/^smtp\s+inet/.test(line)) return `127.0.0.1:${port} inet n - n - - smtpd`;
        const fields = line.split(/\s+/);
        // The fifth field is chroot, which would need copies of the system's files.
        return /^\w\S*\s+(inet|unix|fifo|unix-dgram)\s/.test(line) ? fields.with(4, "n").join(" ") : line;
      });
    writeFileSync(join(etc, "master.cf"), master.join("\n"));
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
