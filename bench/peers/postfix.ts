/**
 * Debian's Postfix as an instance of its own: configuration, queue and log lie in the work folder, and the machine's Postfix, if it runs,
 * is left alone. It syncs each queue file before its 250.
 *
 * Held: its queue manager is not started, so that it accepts and does nothing else; putting messages on hold would cost it a log line and
 * a rename more. To relay it gets the settings that helped when they were tried: more processes, connections to the next hop kept and
 * used at once, no brake on acceptance, no name look-ups.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CannotMeasure } from "../cannot-measure.ts";
import { freePort, portOpens } from "../load/ports.ts";
import { ProcessGroup } from "../machine/process-group.ts";
import type { Mode, Peer } from "./peer.ts";

const run = promisify(execFile);

export async function openPostfix({ folder, signal }: { readonly folder: string; readonly signal: AbortSignal }): Promise<Peer> {
  const port = await freePort();
  const group = new ProcessGroup("postfix");
  const home = join(folder, "postfix");
  const [settings, spool, data, log] = ["etc", "spool", "data", "maillog"].map((name) => join(home, name)) as [
    string,
    string,
    string,
    string,
  ];

  const configure = async (mode: Mode): Promise<void> => {
    rmSync(settings, { recursive: true, force: true });
    for (const directory of [settings, spool, data]) mkdirSync(directory, { recursive: true });
    await run("chown", ["postfix", data]);
    for (const file of ["dynamicmaps.cf", "postfix-files"]) copyFileSync(join("/etc/postfix", file), join(settings, file));
    const main = { ...mainSettings({ spool, data, home, log }), ...(mode.kind === "held" ? heldSettings : relaySettings(mode.sinkPort)) };
    writeFileSync(
      join(settings, "main.cf"),
      Object.entries(main)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(""),
    );
    writeFileSync(join(settings, "master.cf"), services(readFileSync("/usr/share/postfix/master.cf.dist", "utf8"), port, mode));
  };

  const empty = (): void => {
    for (const queue of [...queues, "defer", "trace", "bounce"]) eachFile(join(spool, queue), (file) => rmSync(file, { force: true }));
  };

  return {
    name: "Postfix",
    port,
    group,
    async start(mode) {
      await configure(mode);
      await run("postfix", ["-c", settings, "check"]).catch(() => undefined);
      empty();
      const child = group.spawn("postfix", ["-c", settings, "start"], { stdio: "ignore" });
      const { promise, resolve, reject } = Promise.withResolvers<number | null>();
      child.once("error", reject).once("close", resolve);
      const code = await promise;
      if (code !== 0) throw new CannotMeasure(`postfix start ended with ${code}`);
      await portOpens(port, 10_000, signal);
      group.adopt(Number(readFileSync(join(spool, "pid/master.pid"), "utf8")));
    },
    async stop() {
      await run("postfix", ["-c", settings, "stop"]).catch(() => undefined);
      await group.end();
      empty();
      rmSync(log, { force: true });
    },
    async queued() {
      let count = 0;
      for (const queue of queues) eachFile(join(spool, queue), () => count++);
      return count;
    },
    async purge() {
      empty();
    },
    async [Symbol.asyncDispose]() {
      await group[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Where Postfix keeps a file for each message. */
const queues = ["maildrop", "incoming", "active", "deferred", "hold"] as const;

function mainSettings({ spool, data, home, log }: { spool: string; data: string; home: string; log: string }): Record<string, string> {
  return {
    compatibility_level: "3.6",
    queue_directory: spool,
    data_directory: data,
    mail_owner: "postfix",
    setgid_group: "postdrop",
    myhostname: "bench.example",
    mydestination: "",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    message_size_limit: "52428800",
    alias_maps: "",
    alias_database: "",
    maillog_file_prefixes: home,
    maillog_file: log,
    // Does not wait for acceptance to be slower than delivery: here both are what is measured.
    in_flow_delay: "0s",
  };
}

const heldSettings = { relayhost: "[127.0.0.1]:25" } as const;

function relaySettings(sinkPort: number): Record<string, string> {
  const nextHop = `[127.0.0.1]:${sinkPort}`;
  return {
    relayhost: nextHop,
    default_process_limit: "200",
    default_destination_concurrency_limit: "50",
    smtp_destination_concurrency_limit: "50",
    initial_destination_concurrency: "50",
    smtpd_peername_lookup: "no",
    smtpd_client_connection_count_limit: "0",
    smtp_connection_cache_on_demand: "yes",
    smtp_connection_cache_destinations: nextHop,
    qmgr_message_active_limit: "50000",
  };
}

/** Debian's services, not in a chroot, with our port; held: without those that take from the queue. */
function services(distributed: string, port: number, mode: Mode): string {
  return distributed
    .split("\n")
    .map((line) => {
      if (mode.kind === "held" && /^(?:qmgr|pickup)\s/.test(line)) return `#${line}`;
      if (/^smtp\s+inet\s/.test(line)) return `127.0.0.1:${port} inet n - n - - smtpd`;
      const fields = line.split(/\s+/);
      if (!/^(?:inet|unix|fifo|unix-dgram)$/.test(fields[1] ?? "") || line.startsWith("#")) return line;
      return fields.with(4, "n").join(" ");
    })
    .join("\n");
}

function eachFile(folder: string, visit: (file: string) => void): void {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) eachFile(path, visit);
    else visit(path);
  }
}
